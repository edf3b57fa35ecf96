-- People who sign in to the panel, what is granted to them, and their sessions.
CREATE TABLE IF NOT EXISTS pw_accounts (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  role ENUM('operator','auditor','owner') NOT NULL,
  password_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL,
  enabled TINYINT(1) NOT NULL DEFAULT 1,
  created_at DATETIME(3) NOT NULL,
  last_sign_in_at DATETIME(3) NULL,
  UNIQUE KEY name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS pw_grants (
  account_id INT UNSIGNED NOT NULL,
  domain VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (account_id, domain),
  CONSTRAINT pw_grants_account FOREIGN KEY (account_id) REFERENCES pw_accounts (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- id is the SHA-256 of the cookie's value: a stolen copy of this table opens no session.
CREATE TABLE IF NOT EXISTS pw_sessions (
  id BINARY(32) NOT NULL PRIMARY KEY,
  account_id INT UNSIGNED NULL,
  data TEXT NOT NULL,
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  KEY account (account_id),
  KEY expires (expires_at),
  CONSTRAINT pw_sessions_account FOREIGN KEY (account_id) REFERENCES pw_accounts (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
