-- The accounts of the mail database, each with what it needs and no more. Put in your own passwords and, where the
-- database is not called maildb, its name; then run as an administrator of the database server. The grants on single
-- tables need the tables, so run the last part after `postwarden migrate`.

-- Once, and after an update, `postwarden migrate`; and `postwarden restore`, which makes tables, compares in temporary
-- ones and writes. With DATABASE_URL=mysql://postwarden_migrate:migrate-password@127.0.0.1/maildb
CREATE USER 'postwarden_migrate'@'127.0.0.1' IDENTIFIED BY 'migrate-password';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE TEMPORARY TABLES, REFERENCES
  ON maildb.* TO 'postwarden_migrate'@'127.0.0.1';

-- `postwarden serve` and everything else of the command line
CREATE USER 'postwarden'@'127.0.0.1' IDENTIFIED BY 'panel-password';
GRANT SELECT, INSERT, UPDATE, DELETE ON maildb.* TO 'postwarden'@'127.0.0.1';

-- Postfix, which looks up and writes nothing: not the mailbox passwords, not the panel's own tables
CREATE USER 'postfix'@'127.0.0.1' IDENTIFIED BY 'postfix-password';
GRANT SELECT ON maildb.domains TO 'postfix'@'127.0.0.1';
GRANT SELECT (id, maildir, enabled) ON maildb.users TO 'postfix'@'127.0.0.1';
GRANT SELECT ON maildb.aliases TO 'postfix'@'127.0.0.1';
GRANT SELECT ON maildb.backups TO 'postfix'@'127.0.0.1';
GRANT SELECT ON maildb.relays TO 'postfix'@'127.0.0.1';
GRANT SELECT ON maildb.relocated TO 'postfix'@'127.0.0.1';
GRANT SELECT ON maildb.access_rules TO 'postfix'@'127.0.0.1';
