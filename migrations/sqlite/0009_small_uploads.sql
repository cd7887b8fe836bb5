-- All acknowledged bytes of an upload that has few of them; such a one has none in its object.
ALTER TABLE uploads ADD COLUMN content BLOB;
-- There are few rows, of which an index is written thrice and read once a day.
DROP INDEX uploads_by_age;
