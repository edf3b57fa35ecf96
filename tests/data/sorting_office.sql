-- The tables of Sorting Office 3, and rows as its pages write them.

CREATE TABLE domains (
  pkid INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  domain VARCHAR(255) NOT NULL UNIQUE,
  transport VARCHAR(255) DEFAULT 'virtual:',
  created DATETIME NULL,
  modified DATETIME NULL,
  enabled TINYINT(1) NOT NULL DEFAULT 1
);
CREATE TABLE users (
  id VARCHAR(255) NOT NULL PRIMARY KEY,
  crypt VARCHAR(255) NOT NULL,
  name VARCHAR(255) NOT NULL,
  maildir VARCHAR(255) NOT NULL,
  home VARCHAR(255) NOT NULL DEFAULT '/var/spool/mail/virtual',
  uid SMALLINT(5) UNSIGNED NOT NULL DEFAULT 5000,
  gid SMALLINT(5) UNSIGNED NOT NULL DEFAULT 5000,
  created DATETIME NULL,
  modified DATETIME NULL,
  enabled TINYINT(1) NOT NULL DEFAULT 1,
  change_password TINYINT(1) NOT NULL DEFAULT 0
);
CREATE TABLE aliases (
  pkid INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  mail VARCHAR(255) NOT NULL UNIQUE,
  destination VARCHAR(255) NOT NULL,
  created DATETIME NULL,
  modified DATETIME NULL,
  enabled TINYINT(1) NOT NULL DEFAULT 1
);
CREATE TABLE backups (
  pkid INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  domain VARCHAR(255) NOT NULL UNIQUE,
  transport VARCHAR(255) DEFAULT ':[]',
  created DATETIME NULL,
  modified DATETIME NULL,
  enabled TINYINT(1) NOT NULL DEFAULT 1
);
CREATE TABLE relays (
  pkid INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  recipient VARCHAR(255) NOT NULL UNIQUE,
  status VARCHAR(10) NOT NULL,
  enabled TINYINT(1) NOT NULL DEFAULT 1,
  created DATETIME NULL,
  modified DATETIME NULL
);
CREATE TABLE relocated (
  pkid INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  old_address VARCHAR(255) NOT NULL UNIQUE,
  new_address VARCHAR(255) NOT NULL,
  enabled TINYINT(1) NOT NULL DEFAULT 1,
  created DATETIME NULL,
  modified DATETIME NULL
);
CREATE TABLE clients (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  client VARCHAR(255) NOT NULL UNIQUE,
  status VARCHAR(10) NOT NULL DEFAULT 'allowed',
  enabled TINYINT(1) NOT NULL DEFAULT 1,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

INSERT INTO domains (domain, transport) VALUES ('example.org', 'virtual:'), ('example.net', NULL);
INSERT INTO users (id, crypt, name, maildir) VALUES
  ('me@example.org', '$2y$10$abcdefghijklmnopqrstuuKXCbdmWWOlp5OZPyHhNNPgSGNvnSk8W', 'Me', 'example.org/me/');
INSERT INTO aliases (mail, destination) VALUES
  ('me@example.org', 'me@example.org'),
  ('postmaster@example.org', 'me@example.org'),
  ('@example.net', 'me@example.org');
INSERT INTO backups (domain, transport) VALUES ('friend.example', ':[mail.friend.example]'), ('other.example', ':[]');
INSERT INTO relays (recipient, status) VALUES ('@friend.example', 'OK'), ('spam@friend.example', 'REJECT'), ('@other.example', 'OK');
INSERT INTO relocated (old_address, new_address) VALUES ('gone@example.org', 'gone@elsewhere.example');
INSERT INTO clients (client, status) VALUES ('192.0.2.10', 'allowed'), ('198.51.100.5', 'rejected');
