-- Signed statements, of builds, of matches and of the audit's end; they are only ever added. To the
-- database an envelope is text.

CREATE TABLE receipt (
    n        INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL CHECK (kind IN ('build', 'match')),
    game     TEXT,
    version  TEXT,
    match_id TEXT UNIQUE REFERENCES match_run (id),
    -- The audit's row of what it states.
    row      INTEGER NOT NULL UNIQUE REFERENCES audit_row (seq),
    envelope TEXT NOT NULL,
    UNIQUE (game, version),
    FOREIGN KEY (game, version) REFERENCES module_build (game, version),
    CHECK (CASE kind
        WHEN 'build' THEN game IS NOT NULL AND version IS NOT NULL AND match_id IS NULL
        ELSE game IS NULL AND version IS NULL AND match_id IS NOT NULL
    END)
) STRICT;

-- Comes before `INSERT OR REPLACE` would replace a row, which fires no DELETE trigger.
CREATE TRIGGER receipt_is_of_the_last_row BEFORE INSERT ON receipt
WHEN NEW.n IN (SELECT n FROM receipt)
    OR NEW.row IS NOT (SELECT seq FROM audit_head)
    OR NEW.row IN (SELECT row FROM receipt)
    OR EXISTS (SELECT 1 FROM receipt WHERE game = NEW.game AND version = NEW.version)
    OR EXISTS (SELECT 1 FROM receipt WHERE match_id = NEW.match_id)
BEGIN SELECT RAISE(ABORT, 'a receipt is made once, with what it states'); END;

CREATE TRIGGER receipt_is_not_changed BEFORE UPDATE ON receipt
BEGIN SELECT RAISE(ABORT, 'a receipt is never changed'); END;

CREATE TRIGGER receipt_is_not_deleted BEFORE DELETE ON receipt
BEGIN SELECT RAISE(ABORT, 'a receipt is never deleted'); END;

-- The audit's ends that were signed.
CREATE TABLE signed_head (
    seq      INTEGER PRIMARY KEY,
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    at       TEXT NOT NULL,
    envelope TEXT NOT NULL
) STRICT;

CREATE TRIGGER signed_head_is_the_audits_end BEFORE INSERT ON signed_head
WHEN NEW.seq < 1 OR NEW.seq IN (SELECT seq FROM signed_head)
    OR NEW.seq IS NOT (SELECT seq FROM audit_head) OR NEW.hash IS NOT (SELECT hash FROM audit_head)
BEGIN SELECT RAISE(ABORT, 'what is signed is the end of the audit, once'); END;

CREATE TRIGGER signed_head_is_not_changed BEFORE UPDATE ON signed_head
BEGIN SELECT RAISE(ABORT, 'a signed head is never changed'); END;

CREATE TRIGGER signed_head_is_not_deleted BEFORE DELETE ON signed_head
BEGIN SELECT RAISE(ABORT, 'a signed head is never deleted'); END;

CREATE VIEW receipts AS
SELECT row AS seq, kind, game, version, match_id, envelope FROM receipt;

CREATE VIEW audit_heads AS
SELECT seq, lower(hex(hash)) AS hash, at, envelope FROM signed_head;
