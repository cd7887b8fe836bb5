-- All acknowledged bytes of an upload that has few of them; such a one has none in its object.
ALTER TABLE uploads ADD COLUMN content BYTEA;
