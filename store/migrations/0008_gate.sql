-- The gate of a game: none of its builds starts a match before it was verified against a native
-- transcript.

ALTER TABLE game ADD COLUMN native_gate INTEGER NOT NULL DEFAULT 0 CHECK (native_gate IN (0, 1));
ALTER TABLE module_build ADD COLUMN verified_at TEXT;

CREATE TRIGGER module_build_is_verified_once BEFORE UPDATE OF verified_at ON module_build
WHEN OLD.verified_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a build is verified once'); END;

-- Whether a build is schedulable is its game's matter as well now.
DROP VIEW builds;
ALTER TABLE module_build DROP COLUMN schedulable;

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
