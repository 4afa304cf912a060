-- What the platform remembers.
--
-- Times are ISO-8601 text in UTC with microseconds, so that they sort as text. Hashes are 32
-- bytes. `n` numbers rows in the order in which they came. The tables refuse what the platform
-- never does, whoever asks.

PRAGMA application_id = 0x4C415454;

CREATE TABLE game (
    n          INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE INDEX game_by_owner ON game (owner, n);

-- Modules by content: each is kept once, however many builds hold it.
CREATE TABLE blob (
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    bytes  BLOB NOT NULL
) STRICT;

CREATE TRIGGER blob_is_not_changed BEFORE UPDATE ON blob
BEGIN SELECT RAISE(ABORT, 'a stored module is never changed'); END;

CREATE TRIGGER blob_is_not_deleted BEFORE DELETE ON blob
BEGIN SELECT RAISE(ABORT, 'a stored module is never deleted'); END;

CREATE TABLE module_build (
    n           INTEGER PRIMARY KEY,
    game        TEXT NOT NULL REFERENCES game (id),
    version     TEXT NOT NULL,
    -- The version as bytes that compare as versions do.
    precedence  BLOB NOT NULL,
    prerelease  INTEGER NOT NULL CHECK (prerelease IN (0, 1)),
    packaging   TEXT NOT NULL CHECK (packaging = 'wasm'),
    sha256      BLOB NOT NULL REFERENCES blob (sha256),
    imports     TEXT NOT NULL CHECK (json_valid(imports)),
    -- By which policy and scanner it was admitted; a new admission under another policy renews both.
    policy      BLOB NOT NULL CHECK (length(policy) = 32),
    scanner     INTEGER NOT NULL,
    uploaded_by TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    -- Since when its owner keeps it from new matches.
    retired_at  TEXT,
    -- Why a later check refused it.
    refused     TEXT,
    schedulable INTEGER NOT NULL AS (retired_at IS NULL AND refused IS NULL),
    UNIQUE (game, version, sha256),
    UNIQUE (game, version),
    UNIQUE (game, precedence)
) STRICT;

-- As the views spell it.
CREATE INDEX module_build_by_sha256 ON module_build (lower(hex(sha256)));
CREATE INDEX module_build_startable ON module_build (game, precedence)
    WHERE retired_at IS NULL AND refused IS NULL AND prerelease = 0;
CREATE INDEX module_build_refused ON module_build (n) WHERE refused IS NOT NULL;

CREATE TRIGGER module_build_is_immutable
BEFORE UPDATE OF n, game, version, precedence, prerelease, packaging, sha256, imports, uploaded_by,
    created_at ON module_build
BEGIN SELECT RAISE(ABORT, 'a build is immutable'); END;

CREATE TRIGGER module_build_is_not_deleted BEFORE DELETE ON module_build
BEGIN SELECT RAISE(ABORT, 'a build is retired, never deleted'); END;

-- `secret` is the SHA-256 of the token's text, which is kept nowhere.
CREATE TABLE token (
    n          INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    secret     BLOB NOT NULL UNIQUE CHECK (length(secret) = 32),
    subject    TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('super-admin', 'developer', 'viewer')),
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT
) STRICT;

CREATE INDEX token_of_super_admin ON token (n) WHERE role = 'super-admin';

CREATE TABLE match_run (
    n          INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    game       TEXT NOT NULL,
    version    TEXT NOT NULL,
    sha256     BLOB NOT NULL,
    tick_hz    INTEGER NOT NULL,
    -- In decimal: 64 bits without a sign do not fit SQLite's integers.
    seed       TEXT NOT NULL,
    config     BLOB NOT NULL,
    state      TEXT NOT NULL CHECK (state IN
        ('starting', 'running', 'stopping', 'finished', 'stopped', 'faulted', 'lost')),
    ticks      INTEGER,
    fault      TEXT CHECK (json_valid(fault)),
    result     BLOB,
    figures    TEXT CHECK (json_valid(figures)),
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    ended_at   TEXT,
    FOREIGN KEY (game, version, sha256) REFERENCES module_build (game, version, sha256),
    CHECK ((ended_at IS NULL) = (state IN ('starting', 'running', 'stopping')))
) STRICT;

CREATE INDEX match_run_by_game ON match_run (game, n);
CREATE INDEX match_run_by_sha256 ON match_run (lower(hex(sha256)), created_at);
CREATE INDEX match_run_by_state ON match_run (state, ended_at);
CREATE INDEX match_run_unended ON match_run (n) WHERE ended_at IS NULL;

CREATE TRIGGER match_run_is_what_was_started
BEFORE UPDATE OF n, id, game, version, sha256, tick_hz, seed, config, created_by, created_at
    ON match_run
BEGIN SELECT RAISE(ABORT, 'what a match was started with never changes'); END;

CREATE TRIGGER match_run_ends_once BEFORE UPDATE ON match_run WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a match that has ended never changes'); END;

CREATE TRIGGER match_run_is_not_deleted BEFORE DELETE ON match_run
BEGIN SELECT RAISE(ABORT, 'a match is never deleted'); END;

-- `secret` is the SHA-256 of the player's token, which is kept nowhere.
CREATE TABLE player (
    match_id   TEXT NOT NULL REFERENCES match_run (id),
    id         INTEGER NOT NULL CHECK (id >= 1),
    name       TEXT NOT NULL,
    secret     BLOB NOT NULL CHECK (length(secret) = 32),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at    TEXT,
    PRIMARY KEY (match_id, id),
    UNIQUE (match_id, secret)
) STRICT, WITHOUT ROWID;

-- A deleted player's number would be given again.
CREATE TRIGGER player_is_not_deleted BEFORE DELETE ON player
BEGIN SELECT RAISE(ABORT, 'a player is never deleted'); END;

CREATE TABLE match_log (
    match_id TEXT NOT NULL REFERENCES match_run (id),
    seq      INTEGER NOT NULL,
    tick     INTEGER NOT NULL,
    level    INTEGER NOT NULL CHECK (level BETWEEN 0 AND 4),
    text     TEXT NOT NULL,
    at       TEXT NOT NULL,
    PRIMARY KEY (match_id, seq)
) STRICT, WITHOUT ROWID;

-- The number of a match's last line, and what its lines count together.
CREATE TABLE match_log_head (
    match_id TEXT NOT NULL PRIMARY KEY REFERENCES match_run (id),
    seq      INTEGER NOT NULL,
    bytes    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
