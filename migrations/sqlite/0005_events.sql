-- What receivers outside are still to be told: one row for each event and receiver, written in the transaction that made it
-- true, and removed when the receiver has it. A receiver is told in the order of the ids.
CREATE TABLE events (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver        TEXT   NOT NULL,
    -- The event's name outside, the same for every receiver.
    event           TEXT   NOT NULL,
    at              BIGINT NOT NULL,
    action          TEXT   NOT NULL,
    repository      TEXT   NOT NULL,
    tag             TEXT,
    digest          TEXT,
    -- NULL where only names are told, as of what was deleted.
    media_type      TEXT,
    size            BIGINT,
    url             TEXT,
    from_repository TEXT,
    -- JSON: the descriptors that a manifest has.
    content         TEXT   NOT NULL DEFAULT '[]',
    actor           TEXT   NOT NULL,
    request_id      TEXT   NOT NULL,
    request_addr    TEXT   NOT NULL,
    request_host    TEXT   NOT NULL,
    request_method  TEXT   NOT NULL,
    request_agent   TEXT   NOT NULL,
    source_addr     TEXT   NOT NULL,
    source_instance TEXT   NOT NULL
);
CREATE INDEX events_by_receiver ON events (receiver, id);

-- Who delivers to a receiver at present: of several processes one, so that the order holds.
CREATE TABLE event_receivers (
    name       TEXT   NOT NULL PRIMARY KEY,
    holder     TEXT   NOT NULL,
    held_until BIGINT NOT NULL
);

-- What a sparse index lists and the repository does not have. When it comes, the row becomes one of artifact_children.
CREATE TABLE absent_children (
    parent_id     BIGINT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    position      BIGINT NOT NULL,
    repository_id BIGINT NOT NULL,
    digest        TEXT   NOT NULL,
    os            TEXT   NOT NULL DEFAULT '',
    architecture  TEXT   NOT NULL DEFAULT '',
    variant       TEXT   NOT NULL DEFAULT '',
    annotations   TEXT   NOT NULL DEFAULT '{}',
    PRIMARY KEY (parent_id, position)
);
CREATE INDEX absent_children_by_digest ON absent_children (repository_id, digest);
