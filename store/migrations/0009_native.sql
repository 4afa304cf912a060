-- The native tier: builds that are shared objects, and what stood around the process of a match.

-- Every build until now is wasm: its column admitted nothing else. The column goes with its check, and
-- comes back with one that knows both, so that the table and all that refers to it stay as they are.
DROP VIEW builds;
DROP TRIGGER module_build_is_immutable;
ALTER TABLE module_build DROP COLUMN packaging;
ALTER TABLE module_build ADD COLUMN packaging TEXT NOT NULL DEFAULT 'wasm'
    CHECK (packaging IN ('wasm', 'native'));

CREATE TRIGGER module_build_is_immutable
BEFORE UPDATE OF n, game, version, precedence, prerelease, packaging, sha256, imports, uploaded_by,
    created_at ON module_build
BEGIN SELECT RAISE(ABORT, 'a build is immutable'); END;

-- The names of the barriers around the sim's process, since it started or was last taken up again;
-- null before that, and for wasm.
ALTER TABLE match_run ADD COLUMN isolation TEXT
    CHECK (json_valid(isolation) AND json_type(isolation) = 'array');

CREATE VIEW builds AS
SELECT
    game,
    version,
    lower(hex(sha256)) AS sha256,
    (SELECT length(bytes) FROM blob WHERE blob.sha256 = module_build.sha256) AS size,
    packaging,
    (SELECT group_concat(value, ', ') FROM json_each(imports)) AS imports,
    retired_at IS NULL AND refused IS NULL AND (verified_at IS NOT NULL
        OR NOT (SELECT native_gate FROM game WHERE game.id = module_build.game)) AS schedulable,
    lower(hex(policy)) AS policy,
    scanner,
    uploaded_by,
    created_at,
    retired_at,
    refused,
    verified_at
FROM module_build;

DROP VIEW matches;
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
    ended_at,
    forked_from,
    forked_at,
    (SELECT tick FROM match_mark WHERE match_id = match_run.id) AS mark,
    (SELECT packaging FROM module_build AS build WHERE build.game = match_run.game
        AND build.version = ifnull(
            (SELECT version FROM match_segment WHERE match_id = match_run.id ORDER BY n DESC LIMIT 1),
            match_run.version)) AS packaging,
    (SELECT group_concat(value, ', ') FROM json_each(isolation)) AS isolation
FROM match_run;
