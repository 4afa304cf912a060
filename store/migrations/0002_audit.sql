-- The audit: rows chained by SHA-256, added at the end and nowhere else.
-- docs/audit.md says how a row's hash is made.

CREATE TABLE audit_row (
    seq      INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    subject  TEXT NOT NULL,
    token    TEXT,
    address  TEXT,
    request  TEXT,
    action   TEXT NOT NULL,
    game     TEXT,
    target   TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    detail   TEXT NOT NULL CHECK (json_valid(detail)),
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX audit_row_by_time ON audit_row (at);
CREATE INDEX audit_row_by_subject ON audit_row (subject, seq);
CREATE INDEX audit_row_by_game ON audit_row (game, seq) WHERE game IS NOT NULL;
CREATE INDEX audit_row_by_action ON audit_row (action, seq);
CREATE INDEX audit_row_by_outcome ON audit_row (outcome, at);
CREATE INDEX audit_row_by_upload ON audit_row (json_extract(detail, '$.Sha256'))
    WHERE action = 'module.upload';

-- The chain's end. It shows that rows were cut off, which the rows that are left cannot.
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- The hash before the first row: SHA-256 of the text `lattice audit 1`.
INSERT INTO audit_head VALUES
    (1, 0, X'4CD1B4C70562D64AAB47592B5A811680E046E131E4EDEAE577A8211F61E1CF6A');

-- Comes before `INSERT OR REPLACE` would replace a row, which fires no DELETE trigger.
CREATE TRIGGER audit_row_follows_the_last BEFORE INSERT ON audit_row
WHEN NEW.seq IS NOT (SELECT seq + 1 FROM audit_head)
    OR NEW.previous IS NOT (SELECT hash FROM audit_head)
BEGIN SELECT RAISE(ABORT, 'an audit row follows the last one'); END;

CREATE TRIGGER audit_row_moves_the_head AFTER INSERT ON audit_row
BEGIN UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash; END;

CREATE TRIGGER audit_row_is_not_changed BEFORE UPDATE ON audit_row
BEGIN SELECT RAISE(ABORT, 'an audit row is never changed'); END;

CREATE TRIGGER audit_row_is_not_deleted BEFORE DELETE ON audit_row
BEGIN SELECT RAISE(ABORT, 'an audit row is never deleted'); END;

CREATE TRIGGER audit_head_is_the_last_row BEFORE UPDATE ON audit_head
WHEN NEW.seq IS NOT (SELECT max(seq) FROM audit_row)
    OR NEW.hash IS NOT (SELECT hash FROM audit_row WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the audit head is the last audit row'); END;

CREATE TRIGGER audit_head_is_not_deleted BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'the audit head is never deleted'); END;
