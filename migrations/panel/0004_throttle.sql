-- What limits guessing: attempts that are not forgotten yet, and places people usually sign in from. id is the SHA-256 of
-- what a row is about, so that nothing anybody typed is kept: a password may have been typed as a name. From gone_at on
-- a row means nothing, and is deleted some time later.
CREATE TABLE IF NOT EXISTS pw_throttle (
  id BINARY(32) NOT NULL PRIMARY KEY,
  gone_at DATETIME(3) NOT NULL,
  KEY gone (gone_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
