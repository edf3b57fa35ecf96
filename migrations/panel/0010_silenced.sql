-- Findings that somebody has decided to live with, in place of pw_silences, whose rows it takes over: what was told when
-- they decided, so that another finding of the rule in the same row is told again (lower case hexadecimal SHA-256, empty
-- where it is not known, which is any), and whether it was an owner, whose decisions hold for owners alone.
CREATE TABLE IF NOT EXISTS pw_silenced (
  rule VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  row_key VARCHAR(255) NOT NULL,
  by_owner BOOLEAN NOT NULL DEFAULT FALSE,
  told CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  reason VARCHAR(500) NOT NULL,
  who VARCHAR(64) NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (rule, table_name, row_key, by_owner)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
SELECT rule, table_name, row_key, reason, who, at FROM pw_silences;
