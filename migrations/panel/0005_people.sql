-- What is granted with a domain, where that is less than everything owners may have: no row is no limit. NULL is no
-- limit of that kind. transports: one allowed next hop a line, empty for no overrides at all, NULL for those the
-- settings allow.
CREATE TABLE IF NOT EXISTS pw_limits (
  account_id INT UNSIGNED NOT NULL,
  domain VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aliases INT UNSIGNED NULL,
  mailboxes INT UNSIGNED NULL,
  members INT UNSIGNED NULL,
  external TINYINT(1) NOT NULL,
  catch_all TINYINT(1) NOT NULL,
  transports TEXT NULL,
  relays TINYINT(1) NOT NULL,
  relocations TINYINT(1) NOT NULL,
  blocks TINYINT(1) NOT NULL,
  PRIMARY KEY (account_id, domain),
  CONSTRAINT pw_limits_grant FOREIGN KEY (account_id, domain) REFERENCES pw_grants (account_id, domain) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What signing in asks of an account beside its password; an account without a row has nothing of it.
CREATE TABLE IF NOT EXISTS pw_terms (
  account_id INT UNSIGNED NOT NULL PRIMARY KEY,
  expires_at DATETIME(3) NULL,
  must_change TINYINT(1) NOT NULL DEFAULT 0,
  password_at DATETIME(3) NULL,
  CONSTRAINT pw_terms_account FOREIGN KEY (account_id) REFERENCES pw_accounts (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The second factor (TOTP, RFC 6238). confirmed_at is NULL until a first code has shown that the app has the secret.
-- last_step is the time step of the last code that was taken: none is taken twice.
CREATE TABLE IF NOT EXISTS pw_second_factors (
  account_id INT UNSIGNED NOT NULL PRIMARY KEY,
  secret VARBINARY(64) NOT NULL,
  confirmed_at DATETIME(3) NULL,
  last_step BIGINT UNSIGNED NOT NULL DEFAULT 0,
  codes_salt BINARY(16) NOT NULL,
  CONSTRAINT pw_second_factors_account FOREIGN KEY (account_id) REFERENCES pw_accounts (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Recovery codes, 125 random bits each, by their SHA-256 with the salt above; a row goes when its code is used.
CREATE TABLE IF NOT EXISTS pw_recovery_codes (
  account_id INT UNSIGNED NOT NULL,
  code BINARY(32) NOT NULL,
  PRIMARY KEY (account_id, code),
  CONSTRAINT pw_recovery_codes_factor FOREIGN KEY (account_id) REFERENCES pw_second_factors (account_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- One-time links with which a person sets a password, by the SHA-256 of their token; one an account at a time.
CREATE TABLE IF NOT EXISTS pw_invitations (
  account_id INT UNSIGNED NOT NULL PRIMARY KEY,
  token BINARY(32) NOT NULL,
  created_by VARCHAR(64) NOT NULL,
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  UNIQUE KEY token (token),
  CONSTRAINT pw_invitations_account FOREIGN KEY (account_id) REFERENCES pw_accounts (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What was done to accounts and with them: the record that pw_changes is for the mail tables. It outlives the account.
CREATE TABLE IF NOT EXISTS pw_account_events (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at DATETIME(3) NOT NULL,
  account VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  who VARCHAR(64) NOT NULL,
  origin VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event VARCHAR(500) NOT NULL,
  KEY of_account (account, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
