-- Every change to a mail table: one change_id per unit of work, one row per row changed.
-- row_before and row_after hold every column of the live table as JSON: text, null, or {"hex": "..."} where the bytes
-- are not UTF-8. subject is the domain or address the row is about, old_subject what it was about before where that
-- differs: a row that moved from one domain to another is shown to nobody who may not see both.
CREATE TABLE IF NOT EXISTS pw_changes (
  change_id BIGINT UNSIGNED NOT NULL,
  seq INT UNSIGNED NOT NULL,
  at DATETIME(3) NOT NULL,
  who VARCHAR(64) NOT NULL,
  origin VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  action ENUM('create','update','delete') NOT NULL,
  table_name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  row_key VARCHAR(255) NOT NULL,
  subject VARCHAR(255) NOT NULL,
  old_subject VARCHAR(255) NULL,
  row_before LONGTEXT NULL,
  row_after LONGTEXT NULL,
  PRIMARY KEY (change_id, seq),
  KEY first_of (seq, change_id),
  KEY row_of (table_name, row_key, change_id),
  KEY by_who (who, change_id),
  KEY by_subject (subject, change_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- One row. Taking the next change number locks it, so that the panel's writers stand in line and nothing they judge by
-- changes under them; the number is given back when the transaction is.
CREATE TABLE IF NOT EXISTS pw_counter (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  last_change BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

INSERT IGNORE INTO pw_counter (id, last_change) VALUES (1, 0);
