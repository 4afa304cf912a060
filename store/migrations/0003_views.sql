-- What a person reads with `sqlite3`: hashes in hexadecimal, lists spelled out. Their columns are
-- a promise, described in docs/audit.md; the tables behind them may change.

CREATE VIEW builds AS
SELECT
    game,
    version,
    lower(hex(sha256)) AS sha256,
    (SELECT length(bytes) FROM blob WHERE blob.sha256 = module_build.sha256) AS size,
    packaging,
    (SELECT group_concat(value, ', ') FROM json_each(imports)) AS imports,
    schedulable,
    lower(hex(policy)) AS policy,
    scanner,
    uploaded_by,
    created_at,
    retired_at,
    refused
FROM module_build;

CREATE VIEW matches AS
SELECT
    id,
    game,
    version,
    lower(hex(sha256)) AS sha256,
    state,
    ticks,
    tick_hz,
    seed,
    (SELECT count(*) FROM player WHERE player.match_id = match_run.id) AS players,
    fault,
    length(result) AS result_bytes,
    figures,
    created_by,
    created_at,
    ended_at
FROM match_run;

CREATE VIEW audit AS
SELECT
    seq,
    at,
    subject,
    token,
    address,
    request,
    action,
    game,
    target,
    outcome,
    detail,
    lower(hex(previous)) AS previous,
    lower(hex(hash)) AS hash
FROM audit_row;

CREATE VIEW rejections AS
SELECT
    seq,
    at,
    subject,
    token,
    address,
    request,
    game,
    json_extract(detail, '$.Version') AS version,
    json_extract(detail, '$.Sha256') AS sha256,
    json_extract(detail, '$.Size') AS size,
    json_extract(detail, '$.ReasonsTotal') AS reasons_total,
    (
        SELECT group_concat(
            json_extract(value, '$.Code') || ' ' || json_extract(value, '$.Detail'), '; ')
        FROM json_each(detail, '$.Reasons')
    ) AS reasons
FROM audit_row
WHERE action = 'module.upload' AND outcome = 'rejected';
