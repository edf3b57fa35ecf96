-- The mail database of the flurdy howto: its tables and its own examples, as an operator types them.
-- No engine and no character set: the server's and the database's defaults decide, as on real machines.

-- Basic chapters

CREATE TABLE aliases (
  pkid smallint(3) NOT NULL auto_increment,
  mail varchar(120) NOT NULL default '',
  destination varchar(120) NOT NULL default '',
  enabled tinyint(1) NOT NULL default '1',
  PRIMARY KEY  (pkid),
  UNIQUE KEY mail (mail)
);

CREATE TABLE domains (
  pkid smallint(6) NOT NULL auto_increment,
  domain varchar(120) NOT NULL default '',
  transport varchar(120) NOT NULL default 'virtual:',
  enabled tinyint(1) NOT NULL default '1',
  PRIMARY KEY  (pkid)
);

CREATE TABLE users (
  id varchar(128) NOT NULL default '',
  name varchar(128) NOT NULL default '',
  uid smallint(5) unsigned NOT NULL default '5000',
  gid smallint(5) unsigned NOT NULL default '5000',
  home varchar(255) NOT NULL default '/var/spool/mail/virtual',
  maildir varchar(255) NOT NULL default 'blah/',
  enabled tinyint(1) NOT NULL default '1',
  change_password tinyint(1) NOT NULL default '1',
  clear varchar(128) NOT NULL default 'ChangeMe',
  crypt varchar(128) NOT NULL default 'sdtrusfX0Jj66',
  quota varchar(255) NOT NULL default '',
  PRIMARY KEY  (id),
  UNIQUE KEY id (id)
);

-- Extend chapter: backup MX, relay recipients, relocation notices

CREATE TABLE backups (
  pkid smallint(6) NOT NULL auto_increment,
  domain varchar(128) NOT NULL default '',
  transport varchar(128) NOT NULL default ':[]',
  enabled smallint(6) NOT NULL default '1',
  PRIMARY KEY  (pkid),
  UNIQUE KEY domain (domain)
);

CREATE TABLE relays (
  pkid smallint(6) NOT NULL auto_increment,
  recipient varchar(120) NOT NULL default '',
  enabled tinyint(1) NOT NULL default '1',
  status varchar(10) NOT NULL default 'OK',
  PRIMARY KEY  (pkid),
  UNIQUE KEY recipient (recipient)
);

CREATE TABLE relocated (
  pkid smallint(6) NOT NULL auto_increment,
  oldadr varchar(128) NOT NULL default '',
  newadr varchar(128) NOT NULL default '',
  enabled tinyint(1) NOT NULL default '1',
  PRIMARY KEY  (pkid),
  UNIQUE KEY oldadr (oldadr)
);

-- Required rows

INSERT INTO domains (domain) VALUES
  ('localhost'),
  ('localhost.localdomain');
INSERT INTO aliases (mail,destination) VALUES
  ('postmaster@localhost','root@localhost'),
  ('sysadmin@localhost','root@localhost'),
  ('webmaster@localhost','root@localhost'),
  ('abuse@localhost','root@localhost'),
  ('root@localhost','root@localhost'),
  ('@localhost','root@localhost'),
  ('@localhost.localdomain','@localhost');
INSERT INTO users (id,name,maildir,crypt) VALUES
  ('root@localhost','root','root/', encrypt('apassword') );

-- Domains and users

INSERT INTO domains (domain) VALUES
  ('blobber.org'),
  ('whopper.nu'),
  ('lala.com');
INSERT INTO aliases (mail,destination) VALUES
  ('@lala.com','@whopper.nu'),
  ('postmaster@whopper.nu','postmaster@localhost'),
  ('abuse@whopper.nu','abuse@localhost'),
  ('postmaster@blobber.org','postmaster@localhost'),
  ('abuse@blobber.org','abuse@localhost');
INSERT INTO users (id,name,maildir,crypt) VALUES
  ('xandros@blobber.org','xandros','xandros/', encrypt('apassword') ),
  ('vivita@blobber.org','vivita','vivita/', encrypt('anotherpassword') );
INSERT INTO aliases (mail,destination) VALUES
  ('xandros@blobber.org','xandros@blobber.org'),
  ('vivita@blobber.org','vivita@blobber.org');
INSERT INTO aliases (mail,destination) VALUES
  ('@whopper.nu','xandros@blobber.org');
INSERT INTO aliases (mail,destination) VALUES
  ('karl@blobber.org','karl.vovianda@gmail.com');

-- Backup MX

INSERT INTO backups (domain,transport) VALUES
  ('friend1.com',':[mail.friend.com]'),
  ('friend2.com',':[mail.friend.com]');
INSERT INTO relays (recipient,status) VALUES
  ('@friend1.com','OK'),
  ('info@example.org','OK'),
  ('support@example.org','REJECT');

-- Relocation notices, mailing lists

INSERT INTO relocated (oldadr,newadr) VALUES
  ('pete@domain1.com','pete@newplace.example');
INSERT INTO aliases (mail,destination) VALUES
  ('listof@domain.com','john@ppp.com,vic@domain.com,jj@somewhere.tld');

-- One address of a domain at Google; the maildir without its slash is the howto's

INSERT INTO domains (domain,transport) VALUES
  ('joe@bloggs.com','smtp:[aspmx.l.google.com]:587'),
  ('bloggs.com','virtual:');
INSERT INTO aliases (mail,destination) VALUES
  ('joe@bloggs.com','joe@bloggs.com'),
  ('mary@bloggs.com','mary@bloggs.com');
INSERT INTO users (id,name,maildir,crypt) VALUES
  ('mary@bloggs.com','mary','bloggs.com/mary', encrypt('maryspassword') );
