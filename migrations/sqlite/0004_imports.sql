-- Repositories that were imported to the end from another registry's tree. What the tree had then and is not here now was
-- deleted here, and is not brought back by the next import.
CREATE TABLE imports (
    -- The name here; no reference, because the row outlives a deleted repository.
    repository TEXT   NOT NULL PRIMARY KEY,
    -- When the reading of it began.
    read_at    BIGINT NOT NULL
);
