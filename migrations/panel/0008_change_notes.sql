-- What a change was, where its rows alone do not say it: an import of a file, the renaming of a domain, the undoing of
-- another change. undoes_row names the one row (seq) of that change that was undone; NULL is all of it.
CREATE TABLE IF NOT EXISTS pw_change_notes (
  change_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  what VARCHAR(200) NOT NULL,
  undoes BIGINT UNSIGNED NULL,
  undoes_row INT UNSIGNED NULL,
  KEY undone_by (undoes, undoes_row)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
