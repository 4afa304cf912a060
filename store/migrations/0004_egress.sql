-- What each game may fetch from the web, as it was last set, and what a person reads of the fetches.

-- One row a game; what it was before stands in the audit.
CREATE TABLE egress_policy (
    game       TEXT NOT NULL PRIMARY KEY REFERENCES game (id),
    -- Counts the changes, from 1.
    revision   INTEGER NOT NULL CHECK (revision >= 1),
    policy     TEXT NOT NULL CHECK (json_valid(policy)),
    updated_by TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER egress_policy_counts_its_changes BEFORE UPDATE ON egress_policy
WHEN NEW.game IS NOT OLD.game OR NEW.revision IS NOT OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'each change of a game''s egress policy is the next revision'); END;

-- The revisions of a deleted one would be given again.
CREATE TRIGGER egress_policy_is_not_deleted BEFORE DELETE ON egress_policy
BEGIN SELECT RAISE(ABORT, 'an egress policy is emptied, never deleted'); END;

CREATE INDEX audit_row_by_fetch ON audit_row (game, at) WHERE action = 'egress.fetch';
CREATE INDEX audit_row_by_refused_fetch ON audit_row (game, at) WHERE action = 'egress.refuse';

-- A fetch's target is its method, a blank, and its URL: the origin (`https://HOST:PORT`) and a path.
CREATE VIEW fetches AS
SELECT
    seq,
    at,
    game,
    json_extract(detail, '$.Match') AS match_id,
    json_extract(detail, '$.Tick') AS tick,
    json_extract(detail, '$.Id') AS id,
    substr(target, 1, instr(target, ' ') - 1) AS method,
    substr(target, instr(target, ' ') + 1, instr(target, '://') - instr(target, ' ') + 1
        + instr(substr(target, instr(target, '://') + 3) || '/', '/')) AS origin,
    substr(target, instr(target, ' ') + 1) AS url,
    outcome,
    json_extract(detail, '$.Status') AS status,
    json_extract(detail, '$.Address') AS address,
    json_extract(detail, '$.SentBytes') AS sent_bytes,
    json_extract(detail, '$.ReceivedBytes') AS received_bytes,
    json_extract(detail, '$.WaitedMs') AS waited_ms,
    json_extract(detail, '$.TookMs') AS took_ms,
    json_extract(detail, '$.Why') AS why
FROM audit_row
WHERE action = 'egress.fetch';

CREATE VIEW refused_fetches AS
SELECT
    seq,
    at,
    game,
    json_extract(detail, '$.Match') AS match_id,
    json_extract(detail, '$.FirstTick') AS first_tick,
    json_extract(detail, '$.LastTick') AS last_tick,
    json_extract(detail, '$.Code') AS code,
    json_extract(detail, '$.Reason') AS reason,
    json_extract(detail, '$.Count') AS count
FROM audit_row
WHERE action = 'egress.refuse';
