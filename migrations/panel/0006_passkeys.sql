-- Passkeys (WebAuthn), each beside a second factor by app: without that one and its recovery codes there is none.
-- credential is the authenticator's name for it, public_key a SubjectPublicKeyInfo. counter is the authenticator's count
-- of signatures, 0 for ever with those that do not count; last_challenge is what it signed last: nothing is taken twice.
CREATE TABLE IF NOT EXISTS pw_passkeys (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  account_id INT UNSIGNED NOT NULL,
  credential VARBINARY(1023) NOT NULL,
  public_key VARBINARY(512) NOT NULL,
  counter INT UNSIGNED NOT NULL,
  last_challenge BINARY(32) NOT NULL,
  name VARCHAR(64) NOT NULL,
  created_at DATETIME(3) NOT NULL,
  last_used_at DATETIME(3) NULL,
  UNIQUE KEY credential (credential),
  KEY account (account_id),
  CONSTRAINT pw_passkeys_factor FOREIGN KEY (account_id) REFERENCES pw_second_factors (account_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
