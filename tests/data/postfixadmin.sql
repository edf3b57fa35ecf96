-- The tables of PostfixAdmin 3, with the columns its upgrade.php makes, and rows as its pages write them.

CREATE TABLE admin (
  username VARCHAR(255) NOT NULL,
  password VARCHAR(255) NOT NULL,
  superadmin TINYINT(1) NOT NULL DEFAULT 0,
  created DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  modified DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  active TINYINT(1) NOT NULL DEFAULT 1,
  phone VARCHAR(30) NOT NULL DEFAULT '',
  email_other VARCHAR(255) NOT NULL DEFAULT '',
  token VARCHAR(255) NOT NULL DEFAULT '',
  token_validity DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  PRIMARY KEY (username)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE domain (
  domain VARCHAR(255) NOT NULL,
  description VARCHAR(255) CHARACTER SET utf8 NOT NULL DEFAULT '',
  aliases INT NOT NULL DEFAULT 0,
  mailboxes INT NOT NULL DEFAULT 0,
  maxquota BIGINT NOT NULL DEFAULT 0,
  quota BIGINT NOT NULL DEFAULT 0,
  transport VARCHAR(255) NOT NULL DEFAULT 'virtual',
  backupmx TINYINT(1) NOT NULL DEFAULT 0,
  created DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  modified DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  active TINYINT(1) NOT NULL DEFAULT 1,
  password_expiry INT DEFAULT 0,
  PRIMARY KEY (domain)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE domain_admins (
  id INT NOT NULL AUTO_INCREMENT,
  username VARCHAR(255) NOT NULL,
  domain VARCHAR(255) NOT NULL,
  created DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  active TINYINT(1) NOT NULL DEFAULT 1,
  PRIMARY KEY (id), KEY username (username)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE alias (
  address VARCHAR(255) NOT NULL,
  goto TEXT NOT NULL,
  domain VARCHAR(255) NOT NULL,
  created DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  modified DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  active TINYINT(1) NOT NULL DEFAULT 1,
  PRIMARY KEY (address), KEY domain (domain)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE alias_domain (
  alias_domain VARCHAR(255) NOT NULL,
  target_domain VARCHAR(255) NOT NULL,
  created DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  modified DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  active TINYINT(1) NOT NULL DEFAULT 1,
  PRIMARY KEY (alias_domain), KEY active (active), KEY target_domain (target_domain)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE mailbox (
  username VARCHAR(255) NOT NULL,
  password VARCHAR(255) NOT NULL,
  name VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
  maildir VARCHAR(255) NOT NULL,
  quota BIGINT NOT NULL DEFAULT 0,
  local_part VARCHAR(255) NOT NULL,
  domain VARCHAR(255) NOT NULL,
  created DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  modified DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  active TINYINT(1) NOT NULL DEFAULT 1,
  phone VARCHAR(30) NOT NULL DEFAULT '',
  email_other VARCHAR(255) NOT NULL DEFAULT '',
  token VARCHAR(255) NOT NULL DEFAULT '',
  token_validity DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  password_expiry DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  PRIMARY KEY (username), KEY domain (domain)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE vacation (
  email VARCHAR(255) NOT NULL,
  subject VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
  body TEXT CHARACTER SET utf8mb4 NOT NULL,
  cache TEXT NOT NULL,
  domain VARCHAR(255) NOT NULL,
  created DATETIME NOT NULL DEFAULT '2000-01-01 00:00:00',
  active TINYINT(1) NOT NULL DEFAULT 1,
  PRIMARY KEY (email)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE fetchmail (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  mailbox VARCHAR(255) NOT NULL,
  src_server VARCHAR(255) NOT NULL,
  src_user VARCHAR(255) NOT NULL,
  src_password VARCHAR(255) NOT NULL,
  active TINYINT(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE quota2 (
  username VARCHAR(255) NOT NULL,
  bytes BIGINT NOT NULL DEFAULT 0,
  messages INT NOT NULL DEFAULT 0,
  PRIMARY KEY (username)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE config (
  id INT NOT NULL AUTO_INCREMENT,
  name VARCHAR(20) NOT NULL DEFAULT '',
  value VARCHAR(20) NOT NULL DEFAULT '',
  PRIMARY KEY (id), UNIQUE KEY name (name)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

INSERT INTO config (name, value) VALUES ('version', '1847');
INSERT INTO admin (username, password, superadmin) VALUES ('admin@example.org', '{SHA512-CRYPT}$6$x$y', 1);
INSERT INTO domain (domain, transport, backupmx, active) VALUES
  ('ALL', '', 0, 1),
  ('example.org', 'virtual', 0, 1),
  ('example.net', 'virtual:', 0, 1),
  ('off.example', '', 0, 0),
  ('friend.example', 'relay', 1, 1),
  ('partner.example', 'smtp:[mail.partner.example]', 1, 1);
INSERT INTO domain_admins (username, domain) VALUES ('admin@example.org', 'ALL');
INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain, active) VALUES
  ('joe@example.org', '{SHA512-CRYPT}$6$rounds=5000$saltsaltsalt$JSiL7VTcOz4BrRAYRX0n2aCWTXXQiF9UqykLjf8J1VHY9b5tiIUJyzJJ7kcDZf0GYGvsVyBmU4HqwOWd2j7sJ.',
   'Joe Bloggs', 'example.org/joe/', 1073741824, 'joe', 'example.org', 1),
  ('jane@example.org', '$1$370f7643$bXOW.w4J7DKaGwUcRtqi51', 'Jané', 'example.org/jane/', 0, 'jane', 'example.org', 1),
  ('old@example.org', '$1$370f7643$bXOW.w4J7DKaGwUcRtqi51', '', 'example.org/old', 0, 'old', 'example.org', 0);
INSERT INTO alias (address, goto, domain, active) VALUES
  ('joe@example.org', 'joe@example.org,joe#example.org@autoreply.example.org', 'example.org', 1),
  ('jane@example.org', 'jane@example.org', 'example.org', 1),
  ('old@example.org', 'old@example.org', 'example.org', 0),
  ('postmaster@example.org', 'joe@example.org', 'example.org', 1),
  ('team@example.org', 'joe@example.org, jane@example.org,guest@elsewhere.example', 'example.org', 1),
  ('@example.net', 'joe@example.org', 'example.net', 1);
INSERT INTO alias_domain (alias_domain, target_domain) VALUES ('example.com', 'example.org');
INSERT INTO vacation (email, subject, body, cache, domain) VALUES ('joe@example.org', 'Away', 'Back soon', '', 'example.org');
