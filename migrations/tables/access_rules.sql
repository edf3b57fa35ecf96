CREATE TABLE access_rules (
  pkid INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  kind ENUM('recipient','sender','client') NOT NULL,
  pattern VARCHAR(255) NOT NULL,
  cidr_lo VARBINARY(16) NULL,
  cidr_hi VARBINARY(16) NULL,
  action VARCHAR(16) NOT NULL DEFAULT 'REJECT',
  message VARCHAR(200) NOT NULL DEFAULT '',
  enabled TINYINT(1) NOT NULL DEFAULT 1,
  UNIQUE KEY (kind, pattern)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
