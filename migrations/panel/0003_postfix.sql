-- One row: what `postwarden postfix verify` found last, for the panel, which cannot read Postfix's files itself.
CREATE TABLE IF NOT EXISTS pw_postfix (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  verified_at DATETIME(3) NOT NULL,
  verdict MEDIUMTEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
