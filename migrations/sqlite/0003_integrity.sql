-- What is wrong with the bytes of a blob (missing, size, content, unreadable), and since when that is known.
-- Such a blob is in quarantine: it is not served until its digest is pushed again.
ALTER TABLE blobs ADD COLUMN damage TEXT;
ALTER TABLE blobs ADD COLUMN damaged_at BIGINT;
CREATE INDEX blobs_damaged ON blobs (id) WHERE damaged_at IS NOT NULL;

-- The scrub's passes over all blobs. One that has not ended is gone on with, behind `last_blob`.
CREATE TABLE scrub_passes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    began_at   BIGINT NOT NULL,
    ended_at   BIGINT,
    last_blob  BIGINT NOT NULL DEFAULT 0,
    -- The newest blob when the pass began; what came later is for the next one.
    until_blob BIGINT NOT NULL,
    blobs      BIGINT NOT NULL DEFAULT 0,
    bytes      BIGINT NOT NULL DEFAULT 0,
    damaged    BIGINT NOT NULL DEFAULT 0
);

-- The project that a deleted repository was in, while it can be restored. NULL: it never could, or cannot any more.
ALTER TABLE repositories ADD COLUMN deleted_from BIGINT;
CREATE INDEX repositories_restorable ON repositories (deleted_from, deleted_at) WHERE deleted_from IS NOT NULL;
