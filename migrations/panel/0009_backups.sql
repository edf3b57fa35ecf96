-- What `postwarden backup` and the panel have written, so that somebody notices when the last one is old. sha256 is that
-- of the whole file, as `sha256sum` prints it.
CREATE TABLE IF NOT EXISTS pw_backups (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at DATETIME(3) NOT NULL,
  who VARCHAR(64) NOT NULL,
  origin VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  file VARCHAR(255) NOT NULL,
  bytes BIGINT UNSIGNED NOT NULL,
  row_count BIGINT UNSIGNED NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
