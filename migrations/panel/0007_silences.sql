-- Findings that somebody has decided to live with: the check leaves them out. row_key is the key of the row as in page
-- addresses, empty for what is about the table itself.
CREATE TABLE IF NOT EXISTS pw_silences (
  rule VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  row_key VARCHAR(255) NOT NULL,
  reason VARCHAR(500) NOT NULL,
  who VARCHAR(64) NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (rule, table_name, row_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
