-- Manifests that a cache has of another registry, and when each came; what was pushed here has no row.
CREATE TABLE cached_artifacts (
    artifact_id BIGINT NOT NULL PRIMARY KEY REFERENCES artifacts (id) ON DELETE CASCADE,
    fetched_at  BIGINT NOT NULL
);
CREATE INDEX cached_artifacts_by_age ON cached_artifacts (fetched_at);

-- Blobs that such a manifest names and are not here yet: nobody has asked for them. What an index lists is in
-- absent_children.
CREATE TABLE artifact_lacks (
    artifact_id BIGINT  NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    digest      TEXT    NOT NULL,
    PRIMARY KEY (artifact_id, digest)
);
CREATE INDEX artifact_lacks_by_digest ON artifact_lacks (digest);
