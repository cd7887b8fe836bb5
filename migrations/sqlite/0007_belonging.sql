-- Who this instance is. Its storage says the same, so that rows are never used with the objects of another instance.
CREATE TABLE instance (
    id        TEXT   NOT NULL PRIMARY KEY,
    -- There is one.
    sole      BIGINT NOT NULL UNIQUE CHECK (sole = 1),
    -- Since when the storage says it; NULL if it does not yet, or if this was restored from a backup.
    stored_at BIGINT
);

-- Schedules that were given to this instance by default, each once: what its operator ended stays so.
CREATE TABLE default_schedules (
    name TEXT NOT NULL PRIMARY KEY
);
INSERT INTO default_schedules (name)
    SELECT d.name FROM (SELECT 'purge-uploads' AS name UNION SELECT 'purge-sessions' UNION SELECT 'purge-jobs') d
    WHERE EXISTS (SELECT 1 FROM users);
-- Whoever had an account before there was a scrub never had its schedule.
INSERT INTO default_schedules (name)
    SELECT 'scrub' WHERE EXISTS (SELECT 1 FROM users) AND (
        EXISTS (SELECT 1 FROM schedules WHERE name = 'scrub') OR NOT EXISTS (
            SELECT 1 FROM users u JOIN _sqlx_migrations m ON m.version = 3
            WHERE u.created_at < CAST(strftime('%s', m.installed_on) AS INTEGER) * 1000000));
