-- What a match is taken up from after its process ended, and what it was taken over from: snapshots,
-- marks, segments and forks.

-- A fork and the match that it came from; both are of one game. `forked_at` is the tick that ran
-- next in the state that it began with.
ALTER TABLE match_run ADD COLUMN forked_from TEXT REFERENCES match_run (id);
ALTER TABLE match_run ADD COLUMN forked_at INTEGER
    CHECK (forked_at >= 0 AND (forked_at IS NULL) = (forked_from IS NULL));
-- The highest player's number that was given where it came from; its own follow.
ALTER TABLE match_run ADD COLUMN players_before INTEGER NOT NULL DEFAULT 0
    CHECK (players_before >= 0);

DROP TRIGGER match_run_is_what_was_started;
CREATE TRIGGER match_run_is_what_was_started
BEFORE UPDATE OF n, id, game, version, sha256, tick_hz, seed, config, created_by, created_at,
    forked_from, forked_at, players_before ON match_run
BEGIN SELECT RAISE(ABORT, 'what a match was started with never changes'); END;

CREATE TRIGGER match_run_is_a_fork_within_its_game BEFORE INSERT ON match_run
WHEN NEW.forked_from IS NOT NULL
    AND NEW.game IS NOT (SELECT game FROM match_run WHERE id = NEW.forked_from)
BEGIN SELECT RAISE(ABORT, 'a match is a fork of one of its game'); END;

CREATE INDEX match_run_by_origin ON match_run (forked_from) WHERE forked_from IS NOT NULL;

CREATE TRIGGER player_follows_those_before BEFORE INSERT ON player
WHEN NEW.id <= (SELECT players_before FROM match_run WHERE id = NEW.match_id)
BEGIN SELECT RAISE(ABORT, 'a fork numbers its players above those of its match'); END;

-- A match between two ticks.
CREATE TABLE snapshot (
    n        INTEGER PRIMARY KEY,
    match_id TEXT NOT NULL REFERENCES match_run (id),
    -- The one that runs next.
    tick     INTEGER NOT NULL CHECK (tick >= 0),
    -- The SHA-256 that names it.
    state    BLOB NOT NULL CHECK (length(state) = 32),
    -- All of it but the bytes of its pages.
    head     BLOB NOT NULL,
    -- How many it uses that differ.
    pages    INTEGER NOT NULL CHECK (pages >= 0),
    -- Whether a segment begins with it; such a one is kept for good.
    base     INTEGER NOT NULL CHECK (base IN (0, 1)),
    at       TEXT NOT NULL,
    UNIQUE (match_id, tick, state)
) STRICT;

-- Pages of memory by content: each is kept once a match, however many snapshots use it.
CREATE TABLE snapshot_page (
    n        INTEGER PRIMARY KEY,
    match_id TEXT NOT NULL REFERENCES match_run (id),
    -- Of what the block holds.
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    -- A block of LZ4, and the bytes that it holds.
    bytes    BLOB NOT NULL,
    length   INTEGER NOT NULL CHECK (length >= 0),
    UNIQUE (match_id, hash)
) STRICT;

-- Which pages a snapshot needs; where in memory they stand is in its head.
CREATE TABLE snapshot_uses (
    snapshot INTEGER NOT NULL REFERENCES snapshot (n) ON DELETE CASCADE,
    page     INTEGER NOT NULL REFERENCES snapshot_page (n),
    PRIMARY KEY (snapshot, page)
) STRICT, WITHOUT ROWID;

CREATE INDEX snapshot_uses_by_page ON snapshot_uses (page);

-- These come before `INSERT OR REPLACE` would replace a row, which fires no DELETE trigger.
CREATE TRIGGER snapshot_is_of_a_match_that_runs BEFORE INSERT ON snapshot
WHEN NEW.n IN (SELECT n FROM snapshot)
    OR EXISTS (SELECT 1 FROM snapshot
        WHERE match_id = NEW.match_id AND tick = NEW.tick AND state = NEW.state)
    OR NOT EXISTS (SELECT 1 FROM match_run WHERE id = NEW.match_id AND ended_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'a snapshot is a new one of a match that runs'); END;

CREATE TRIGGER snapshot_page_is_of_a_match_that_runs BEFORE INSERT ON snapshot_page
WHEN NEW.n IN (SELECT n FROM snapshot_page)
    OR EXISTS (SELECT 1 FROM snapshot_page WHERE match_id = NEW.match_id AND hash = NEW.hash)
    OR NOT EXISTS (SELECT 1 FROM match_run WHERE id = NEW.match_id AND ended_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'a page is a new one of a match that runs'); END;

CREATE TRIGGER snapshot_uses_come_with_their_snapshot BEFORE INSERT ON snapshot_uses
WHEN NEW.snapshot IS NOT (SELECT max(n) FROM snapshot)
    OR (SELECT match_id FROM snapshot WHERE n = NEW.snapshot)
        IS NOT (SELECT match_id FROM snapshot_page WHERE n = NEW.page)
BEGIN SELECT RAISE(ABORT, 'a snapshot comes with its pages, which are of its match'); END;

CREATE TRIGGER snapshot_is_not_changed BEFORE UPDATE ON snapshot
WHEN OLD.base OR NOT NEW.base OR NEW.n IS NOT OLD.n OR NEW.match_id IS NOT OLD.match_id
    OR NEW.tick IS NOT OLD.tick OR NEW.state IS NOT OLD.state OR NEW.head IS NOT OLD.head
    OR NEW.pages IS NOT OLD.pages OR NEW.at IS NOT OLD.at
BEGIN SELECT RAISE(ABORT, 'a snapshot may become a base, and never changes otherwise'); END;

CREATE TRIGGER snapshot_page_is_not_changed BEFORE UPDATE ON snapshot_page
BEGIN SELECT RAISE(ABORT, 'a page of a snapshot is never changed'); END;

CREATE TRIGGER snapshot_uses_is_not_changed BEFORE UPDATE ON snapshot_uses
BEGIN SELECT RAISE(ABORT, 'what a snapshot uses never changes'); END;

CREATE TRIGGER snapshot_is_not_deleted_as_a_base BEFORE DELETE ON snapshot WHEN OLD.base
BEGIN SELECT RAISE(ABORT, 'a snapshot that a segment begins with is never deleted'); END;

CREATE TRIGGER snapshot_page_is_not_deleted_in_use BEFORE DELETE ON snapshot_page
WHEN EXISTS (SELECT 1 FROM snapshot_uses WHERE page = OLD.n)
BEGIN SELECT RAISE(ABORT, 'a page that a snapshot uses is not deleted'); END;

CREATE TRIGGER snapshot_uses_go_with_their_snapshot BEFORE DELETE ON snapshot_uses
WHEN EXISTS (SELECT 1 FROM snapshot WHERE n = OLD.snapshot)
BEGIN SELECT RAISE(ABORT, 'what a snapshot uses goes with it'); END;

-- Through which tick a match is run again when it is taken up, though nothing came in. A table of
-- its own: it is written every second, and a match's row may be long.
CREATE TABLE match_mark (
    match_id TEXT NOT NULL PRIMARY KEY REFERENCES match_run (id),
    tick     INTEGER NOT NULL,
    -- The tick before which the match stands still since an orderly stop, until it is taken up
    -- again: the mark may be ahead of it.
    rests_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TRIGGER match_mark_is_of_a_match_that_runs BEFORE INSERT ON match_mark
WHEN NEW.tick < (SELECT tick FROM match_mark WHERE match_id = NEW.match_id)
    OR NOT EXISTS (SELECT 1 FROM match_run WHERE id = NEW.match_id AND ended_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'a mark goes on with a match that runs'); END;

CREATE TRIGGER match_mark_never_goes_back BEFORE UPDATE ON match_mark
WHEN NEW.match_id IS NOT OLD.match_id OR NEW.tick < OLD.tick
    OR NOT EXISTS (SELECT 1 FROM match_run WHERE id = NEW.match_id AND ended_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'a mark never goes back'); END;

CREATE TRIGGER match_mark_is_not_deleted BEFORE DELETE ON match_mark
BEGIN SELECT RAISE(ABORT, 'a mark is never deleted'); END;

-- What ran a match from a tick on, where that is not what it was started with.
CREATE TABLE match_segment (
    match_id TEXT NOT NULL REFERENCES match_run (id),
    -- Numbers a match's segments, from 1.
    n        INTEGER NOT NULL CHECK (n >= 1),
    tick     INTEGER NOT NULL CHECK (tick >= 0),
    game     TEXT NOT NULL,
    version  TEXT NOT NULL,
    sha256   BLOB NOT NULL,
    why      TEXT NOT NULL CHECK (why IN ('fork', 'upgrade', 'engine')),
    at       TEXT NOT NULL,
    PRIMARY KEY (match_id, n),
    FOREIGN KEY (game, version, sha256) REFERENCES module_build (game, version, sha256)
) STRICT, WITHOUT ROWID;

-- As the views spell it.
CREATE INDEX match_segment_by_sha256 ON match_segment (lower(hex(sha256)));

CREATE TRIGGER match_segment_follows_the_last BEFORE INSERT ON match_segment
WHEN NEW.n IS NOT (SELECT ifnull(max(n), 0) + 1 FROM match_segment WHERE match_id = NEW.match_id)
    OR NEW.tick < (SELECT max(tick) FROM match_segment WHERE match_id = NEW.match_id)
    OR NEW.game IS NOT (SELECT game FROM match_run WHERE id = NEW.match_id)
    OR NOT EXISTS (SELECT 1 FROM match_run WHERE id = NEW.match_id AND ended_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'a segment follows the last one of a match that runs'); END;

CREATE TRIGGER match_segment_begins_a_fork BEFORE INSERT ON match_segment
WHEN (NEW.n = 1 AND (SELECT forked_at FROM match_run WHERE id = NEW.match_id) IS NOT NULL)
        IS NOT (NEW.why = 'fork')
    OR NEW.tick < (SELECT forked_at FROM match_run WHERE id = NEW.match_id)
BEGIN SELECT RAISE(ABORT, 'a fork begins with the segment of its tick'); END;

CREATE TRIGGER match_segment_is_not_changed BEFORE UPDATE ON match_segment
BEGIN SELECT RAISE(ABORT, 'a segment is never changed'); END;

CREATE TRIGGER match_segment_is_not_deleted BEFORE DELETE ON match_segment
BEGIN SELECT RAISE(ABORT, 'a segment is never deleted'); END;

CREATE VIEW snapshots AS
SELECT
    match_id,
    tick,
    lower(hex(state)) AS state,
    base,
    pages,
    length(head) + (
        SELECT ifnull(sum(length(bytes)), 0)
        FROM snapshot_uses JOIN snapshot_page ON snapshot_page.n = page
        WHERE snapshot = snapshot.n
    ) AS stored_bytes,
    at
FROM snapshot;

CREATE VIEW segments AS
SELECT match_id, n, tick, game, version, lower(hex(sha256)) AS sha256, why, at
FROM match_segment;

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
    (SELECT tick FROM match_mark WHERE match_id = match_run.id) AS mark
FROM match_run;

-- What a module does that no snapshot holds: its matches come back by their logs from the first tick.
ALTER TABLE module_build ADD COLUMN replay_only TEXT NOT NULL DEFAULT '[]'
    CHECK (json_valid(replay_only));

CREATE TRIGGER module_build_stays_as_scanned BEFORE UPDATE OF replay_only ON module_build
BEGIN SELECT RAISE(ABORT, 'a build is immutable'); END;
