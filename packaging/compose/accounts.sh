# shellcheck shell=bash
# Run by the MariaDB image when its volume is new: the accounts of docs/grants.sql, reachable from other containers, with
# the passwords of the secrets. The image reads this file into its own script, which has docker_process_sql.

# password_in URL-FILE
password_in() {
    local url
    url=$(cat "$1")
    url=${url#*://*:}
    printf '%s' "${url%@*}"
}

docker_process_sql <<SQL
CREATE USER 'postwarden_migrate'@'%' IDENTIFIED BY '$(password_in /run/secrets/migrate-url)';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE TEMPORARY TABLES, REFERENCES ON maildb.* TO 'postwarden_migrate'@'%';
CREATE USER 'postwarden'@'%' IDENTIFIED BY '$(password_in /run/secrets/database-url)';
GRANT SELECT, INSERT, UPDATE, DELETE ON maildb.* TO 'postwarden'@'%';
SQL
