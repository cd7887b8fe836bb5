-- Who reads objects for longer than a request, such as a backup: while a row lasts, the collector removes no bytes.
CREATE TABLE object_holds (
    id         TEXT   NOT NULL PRIMARY KEY,
    reason     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    -- Renewed by its owner; what a killed one leaves behind ends by itself.
    held_until BIGINT NOT NULL
);
