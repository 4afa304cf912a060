-- The input logs of matches: what came into their ticks, in chunks that are only ever added.

-- One row a match that keeps a log: its end, which the chunks that are left cannot show.
CREATE TABLE input_log (
    match_id TEXT NOT NULL PRIMARY KEY REFERENCES match_run (id),
    chunks   INTEGER NOT NULL CHECK (chunks >= 0),
    -- Of the log, and of its chunks as they are stored.
    bytes    INTEGER NOT NULL CHECK (bytes >= 0),
    stored   INTEGER NOT NULL CHECK (stored >= 0),
    -- Of the last chunk.
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    -- Whether the log ends before its match does.
    cut      INTEGER NOT NULL CHECK (cut IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER input_log_only_grows BEFORE UPDATE ON input_log
WHEN OLD.cut OR NEW.match_id IS NOT OLD.match_id OR NEW.bytes < OLD.bytes
    OR NEW.chunks NOT IN (OLD.chunks, OLD.chunks + 1)
BEGIN SELECT RAISE(ABORT, 'an input log only grows, until it is cut'); END;

CREATE TRIGGER input_log_is_not_deleted BEFORE DELETE ON input_log
BEGIN SELECT RAISE(ABORT, 'an input log is never deleted'); END;

CREATE TABLE input_chunk (
    n        INTEGER PRIMARY KEY,
    match_id TEXT NOT NULL REFERENCES input_log (match_id),
    seq      INTEGER NOT NULL CHECK (seq >= 1),
    -- A block of LZ4, and the bytes that it holds.
    bytes    BLOB NOT NULL,
    length   INTEGER NOT NULL CHECK (length >= 0),
    -- SHA-256 of the hash before and of what the block holds. Before the first stands the SHA-256
    -- of the text `lattice input log 1`.
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    UNIQUE (match_id, seq)
) STRICT;

-- Comes before `INSERT OR REPLACE` would replace a row, which fires no DELETE trigger.
CREATE TRIGGER input_chunk_follows_the_last BEFORE INSERT ON input_chunk
WHEN NEW.seq IS NOT (SELECT chunks FROM input_log WHERE match_id = NEW.match_id)
    OR NEW.n IN (SELECT n FROM input_chunk)
    OR EXISTS (SELECT 1 FROM input_chunk WHERE match_id = NEW.match_id AND seq = NEW.seq)
    OR (SELECT ended_at FROM match_run WHERE id = NEW.match_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a chunk of inputs follows the last one of a match that runs'); END;

CREATE TRIGGER input_chunk_is_not_changed BEFORE UPDATE ON input_chunk
BEGIN SELECT RAISE(ABORT, 'a chunk of inputs is never changed'); END;

CREATE TRIGGER input_chunk_is_not_deleted BEFORE DELETE ON input_chunk
BEGIN SELECT RAISE(ABORT, 'a chunk of inputs is never deleted'); END;

CREATE VIEW input_logs AS
SELECT match_id, chunks, bytes, stored AS stored_bytes, lower(hex(hash)) AS hash, cut
FROM input_log;
