-- Times are Unix microseconds. AUTOINCREMENT: an id is never used twice, so that
-- a token issued for a deleted project or repository cannot reach its successor.

CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    email         TEXT,
    real_name     TEXT    NOT NULL DEFAULT '',
    comment       TEXT    NOT NULL DEFAULT '',
    password_hash TEXT    NOT NULL,
    system_admin  BOOLEAN NOT NULL DEFAULT FALSE,
    -- Raised whenever credentials or rights change: cached proofs of an older epoch are void.
    epoch         BIGINT  NOT NULL DEFAULT 0,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL
);

-- Names and addresses that differ in case only would be mistaken for each other.
CREATE UNIQUE INDEX users_by_folded_name ON users (LOWER(name));
CREATE UNIQUE INDEX users_by_folded_email ON users (LOWER(email));

CREATE TABLE sessions (
    -- SHA-256 of the cookie's value, in hex.
    id         TEXT   NOT NULL PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    csrf       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE projects (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    owner_id      BIGINT  REFERENCES users (id) ON DELETE SET NULL,
    public        BOOLEAN NOT NULL,
    -- Bytes; -1 is no limit.
    storage_limit BIGINT  NOT NULL DEFAULT -1,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL
);
CREATE INDEX projects_by_owner ON projects (owner_id);

CREATE TABLE project_metadata (
    project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    key        TEXT   NOT NULL,
    value      TEXT   NOT NULL,
    PRIMARY KEY (project_id, key)
);

CREATE TABLE members (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT  NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id    BIGINT  NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    UNIQUE (project_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);

CREATE TABLE robots (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Without the prefix: `ci` of the system, `library+ci` of a project.
    name          TEXT    NOT NULL UNIQUE,
    project_id    BIGINT  REFERENCES projects (id) ON DELETE CASCADE,
    description   TEXT    NOT NULL DEFAULT '',
    -- SHA-256 of the secret, in hex: the secret is random, so no slow hash is needed.
    secret_digest TEXT    NOT NULL,
    -- Days; -1 never expires.
    duration_days BIGINT  NOT NULL,
    expires_at    BIGINT,
    disabled      BOOLEAN NOT NULL DEFAULT FALSE,
    permissions   TEXT    NOT NULL,
    creator       TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL
);
CREATE INDEX robots_by_project ON robots (project_id);

CREATE TABLE repositories (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    -- NULL once deleted: a project may go while its deleted repositories wait for collection.
    project_id  BIGINT  REFERENCES projects (id),
    -- Whole: `library/alpine`.
    name        TEXT NOT NULL,
    description TEXT    NOT NULL DEFAULT '',
    -- FALSE until its first manifest: an upload alone makes no visible repository.
    published   BOOLEAN NOT NULL DEFAULT FALSE,
    pulls       BIGINT  NOT NULL DEFAULT 0,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    -- Deleted repositories are rows first; the collector empties and removes them.
    deleted_at  BIGINT
);
CREATE UNIQUE INDEX repositories_by_name ON repositories (name) WHERE deleted_at IS NULL;
CREATE INDEX repositories_deleted ON repositories (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX repositories_by_project ON repositories (project_id, name);
CREATE INDEX repositories_by_creation ON repositories (project_id, created_at, id);

CREATE TABLE artifacts (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id     BIGINT NOT NULL REFERENCES repositories (id),
    digest            TEXT   NOT NULL,
    -- Harbor's word for what it is: IMAGE, CHART, ...
    kind              TEXT   NOT NULL,
    media_type        TEXT   NOT NULL,
    -- Effective artifact type: `artifactType`, else the config's media type.
    artifact_type     TEXT   NOT NULL DEFAULT '',
    config_media_type TEXT   NOT NULL DEFAULT '',
    subject_digest    TEXT,
    -- Bytes of the manifest and all that it references.
    size              BIGINT NOT NULL,
    annotations       TEXT   NOT NULL DEFAULT '{}',
    os                TEXT   NOT NULL DEFAULT '',
    architecture      TEXT   NOT NULL DEFAULT '',
    variant           TEXT   NOT NULL DEFAULT '',
    pushed_at         BIGINT NOT NULL,
    pulled_at         BIGINT,
    -- The manifest's exact bytes; last, so that SQLite finds the rest without reading them.
    content           BLOB   NOT NULL,
    UNIQUE (repository_id, digest)
);
CREATE INDEX artifacts_by_push ON artifacts (repository_id, pushed_at, id);
CREATE INDEX artifacts_by_subject ON artifacts (repository_id, subject_digest) WHERE subject_digest IS NOT NULL;

-- An index and the manifests it lists.
CREATE TABLE artifact_children (
    parent_id    BIGINT  NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    position     BIGINT  NOT NULL,
    child_id     BIGINT  NOT NULL REFERENCES artifacts (id),
    os           TEXT    NOT NULL DEFAULT '',
    architecture TEXT    NOT NULL DEFAULT '',
    variant      TEXT    NOT NULL DEFAULT '',
    annotations  TEXT    NOT NULL DEFAULT '{}',
    PRIMARY KEY (parent_id, position)
);
CREATE INDEX artifact_children_by_child ON artifact_children (child_id);

CREATE TABLE tags (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    name          TEXT   NOT NULL,
    artifact_id   BIGINT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    pushed_at     BIGINT NOT NULL,
    pulled_at     BIGINT,
    UNIQUE (repository_id, name)
);
CREATE INDEX tags_by_artifact ON tags (artifact_id, name);

-- Pulls since the last fold: appended on the pull path, folded into counters by a job.
CREATE TABLE pull_deltas (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    -- No references: a pull may be told when what was pulled is gone.
    repository_id BIGINT NOT NULL,
    artifact_id   BIGINT NOT NULL,
    tag_id        BIGINT,
    pulls         BIGINT NOT NULL,
    pulled_at     BIGINT NOT NULL
);

CREATE TABLE blobs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    digest     TEXT   NOT NULL UNIQUE,
    size       BIGINT NOT NULL,
    object_key TEXT   NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- What makes a blob reachable in a repository.
CREATE TABLE repository_blobs (
    repository_id BIGINT NOT NULL REFERENCES repositories (id),
    blob_id       BIGINT NOT NULL REFERENCES blobs (id),
    -- NULL: held by an artifact of the repository. Else when a client was last told that it is here.
    leased_at     BIGINT,
    PRIMARY KEY (repository_id, blob_id)
);
CREATE INDEX repository_blobs_by_blob ON repository_blobs (blob_id);
CREATE INDEX repository_blobs_by_lease ON repository_blobs (leased_at) WHERE leased_at IS NOT NULL;

CREATE TABLE artifact_blobs (
    artifact_id   BIGINT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    blob_id       BIGINT NOT NULL REFERENCES blobs (id),
    repository_id BIGINT NOT NULL,
    PRIMARY KEY (artifact_id, blob_id)
);
CREATE INDEX artifact_blobs_by_blob ON artifact_blobs (blob_id, repository_id);

-- Objects that no blob row names any more; the collector removes the bytes, then the row.
CREATE TABLE condemned_objects (
    object_key   TEXT   NOT NULL PRIMARY KEY,
    digest       TEXT   NOT NULL,
    size         BIGINT NOT NULL,
    condemned_at BIGINT NOT NULL
);

CREATE TABLE uploads (
    id            TEXT   NOT NULL PRIMARY KEY,
    repository_id BIGINT NOT NULL REFERENCES repositories (id),
    -- Who opened it; nobody else may go on with it.
    principal     TEXT   NOT NULL,
    object_key    TEXT   NOT NULL UNIQUE,
    -- Acknowledged bytes.
    received      BIGINT NOT NULL DEFAULT 0,
    hash_state    BLOB   NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX uploads_by_age ON uploads (updated_at);
CREATE INDEX uploads_by_repository ON uploads (repository_id);

-- Names stay as text: a row outlives what it tells of.
CREATE TABLE audit_logs (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id    BIGINT,
    username      TEXT   NOT NULL,
    operation     TEXT   NOT NULL,
    resource_type TEXT   NOT NULL,
    resource      TEXT   NOT NULL,
    at            BIGINT NOT NULL
);
CREATE INDEX audit_logs_by_time ON audit_logs (at, id);
CREATE INDEX audit_logs_by_project ON audit_logs (project_id, at, id);

CREATE TABLE schedules (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT   NOT NULL UNIQUE,
    -- Harbor's: Hourly, Daily, Weekly, Custom, None.
    kind       TEXT   NOT NULL,
    -- Six fields, seconds first.
    cron       TEXT   NOT NULL,
    task       TEXT   NOT NULL,
    next_run   BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX schedules_by_next_run ON schedules (next_run);

CREATE TABLE jobs (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    kind             TEXT    NOT NULL,
    task             TEXT    NOT NULL,
    -- MANUAL, SCHEDULE or EVENT.
    trigger_kind     TEXT    NOT NULL,
    -- pending, running, success, error, stopped.
    state            TEXT    NOT NULL,
    run_at           BIGINT  NOT NULL,
    attempts         BIGINT  NOT NULL DEFAULT 0,
    max_attempts     BIGINT  NOT NULL,
    -- At most one unfinished job with the same key.
    unique_key       TEXT,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    lease_owner      TEXT,
    lease_until      BIGINT,
    progress         TEXT    NOT NULL DEFAULT '{}',
    result           TEXT,
    error            TEXT,
    creator          TEXT    NOT NULL,
    created_at       BIGINT  NOT NULL,
    started_at       BIGINT,
    finished_at      BIGINT
);
CREATE INDEX jobs_to_claim ON jobs (state, run_at, id);
CREATE INDEX jobs_by_kind ON jobs (kind, id);
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key) WHERE unique_key IS NOT NULL AND state IN ('pending', 'running');

CREATE TABLE job_logs (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at     BIGINT NOT NULL,
    line   TEXT   NOT NULL
);
CREATE INDEX job_logs_by_job ON job_logs (job_id, id);
