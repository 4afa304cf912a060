//! Matches that outlive their process, go over to other modules, or come from another match.

use lattice_policies::{GameId, PlayerId, Sha256};
use lattice_store::{
    Fork, InputAppend, LogExtent, Match, MatchState, NewMatch, NewPlayer, NewSegment, Page, Player,
    Refusal, SegmentWhy, StoreError,
};
use serde_json::json;

use crate::world::*;

/// More than any log here has.
const MOST: u64 = 1 << 20;

fn found(world: &World, n: u8) -> Match {
    world.store.match_by_id(&match_id(n)).unwrap().unwrap()
}

fn log(world: &World, n: u8, bytes: &[u8]) {
    let records = InputAppend::Records { match_id: match_id(n), bytes: bytes.to_vec() };
    world.store.append_inputs(&[records], MOST).unwrap();
}

fn join(world: &World, n: u8, most: u32) -> Result<Player, StoreError> {
    let (match_id, secret) = (&match_id(n), Sha256::of(&world.count("player").to_le_bytes()));
    let new = NewPlayer { match_id, name: "Bo", secret, expires_at: in_an_hour(), most };
    world.store.insert_player(&ada(), &new)
}

fn segment(tick: i64, text: &str, why: SegmentWhy) -> NewSegment {
    let sha256 = module(text).sha256();
    NewSegment { match_id: match_id(1), tick, version: version(text), sha256, why }
}

/// A fork of match `of` at that tick.
fn fork(world: &World, n: u8, of: u8, at: i64) -> Result<Match, StoreError> {
    let build = world.store.latest_schedulable(&game()).unwrap().unwrap();
    let fork = Some(Fork { of: match_id(of), at });
    world.store.insert_match(&ada(), &NewMatch { fork, ..new_match(n, &build) })
}

#[test]
fn a_match_that_is_taken_up_again_has_its_players_its_log_and_its_mark() {
    let world = World::with_match();
    world.store.match_running(&match_id(1), None).unwrap();
    let player = join(&world, 1, 3).unwrap();
    world.store.player_used(&match_id(1), player.id).unwrap();
    log(&world, 1, b"before, ");
    world.store.put_marks(&[(match_id(1), 90)]).unwrap();
    let before = found(&world, 1);

    let world = world.restart();
    assert_eq!(world.store.unended().unwrap(), std::slice::from_ref(&before));
    world.store.resumed(&match_id(1), 91, None).unwrap();
    let row = world.audit().pop().unwrap();
    assert_eq!((row.action.as_str(), row.outcome.as_str()), ("match.resume", "ok"));
    assert_eq!(row.detail, json!({ "Tick": 91 }));
    assert_eq!(found(&world, 1), before, "it is the same match");

    let secret = Sha256::of(&0_i64.to_le_bytes());
    let again = world.store.player_by_secret(&match_id(1), secret).unwrap().unwrap();
    assert_eq!(again.id, player.id, "the token still lets its player in");
    assert_eq!(join(&world, 1, 3).unwrap().id, PlayerId(2));
    assert_eq!(world.store.mark(&match_id(1)).unwrap(), Some(90));
    log(&world, 1, b"after");
    assert_eq!(world.store.inputs(&match_id(1)).unwrap().unwrap(), b"before, after");
    assert_eq!(found(&world, 1).log, Some(LogExtent::Whole));
}

#[test]
fn a_mark_never_goes_back_and_takes_one_row_a_match() {
    let world = World::with_match();
    let build = world.store.latest_schedulable(&game()).unwrap().unwrap();
    for n in 2..=60 {
        world.start(n, &build);
    }
    for tick in [30, 60, 59, 90] {
        let marks: Vec<_> = (1..=60).map(|n| (match_id(n), tick)).collect();
        world.store.put_marks(&marks).unwrap();
    }
    world.store.put_marks(&[(match_id(2), 95), (match_id(2), 93), (match_id(99), 1)]).unwrap();
    let mark = |n| world.store.mark(&match_id(n)).unwrap();
    assert_eq!((mark(1), mark(2), mark(60), mark(99)), (Some(90), Some(95), Some(90), None));
    assert_eq!(world.count("match_mark"), 60);
    assert!(world.audit().iter().all(|row| row.detail.get("Mark").is_none()));

    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    world.store.put_marks(&[(match_id(1), 99), (match_id(3), 99)]).unwrap();
    assert_eq!((mark(1), mark(3)), (Some(90), Some(99)), "an ended match has had its last one");
    let raw = world.raw();
    for sql in [
        "UPDATE match_mark SET tick = tick - 1",
        "DELETE FROM match_mark",
        "INSERT OR REPLACE INTO match_mark SELECT match_id, tick - 1 FROM match_mark",
        "UPDATE match_mark SET tick = 100",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
}

#[test]
fn a_match_that_cannot_be_taken_up_is_lost_with_the_reason() {
    let world = World::with_match().restart();
    log(&world, 1, b"cut short");
    assert!(world.store.lose(&match_id(1), "its module is refused").unwrap());
    assert!(!world.store.lose(&match_id(1), "again").unwrap());
    assert!(!world.store.lose(&match_id(9), "there is none of that id").unwrap());
    let lost = found(&world, 1);
    assert_eq!((lost.state, lost.log), (MatchState::Lost, Some(LogExtent::Cut)));
    let row = world.audit().pop().unwrap();
    assert_eq!((row.action.as_str(), row.outcome.as_str()), ("match.end", "lost"));
    assert_eq!(row.detail["Why"], "its module is refused");
    assert_eq!(row.detail["InputLog"]["Bytes"], 9);
    assert_eq!(world.store.match_receipt(&match_id(1)).unwrap(), None);

    let rows = world.audit().len();
    let resumed = world.store.resumed(&match_id(1), 9, None);
    assert!(matches!(resumed, Err(StoreError::MatchEnded(_))));
    assert!(world.store.unended().unwrap().is_empty());
    assert_eq!(world.audit().len(), rows);
}

#[test]
fn an_upgraded_match_is_still_what_was_started_and_says_what_runs() {
    let world = World::with_match();
    let (started, next) = (found(&world, 1), world.upload("1.1.0"));
    assert_eq!(started.runs, (started.version.clone(), started.sha256));
    log(&world, 1, b"old, ");
    world.store.add_segment(&ada(), &segment(60, "1.1.0", SegmentWhy::Upgrade)).unwrap();
    log(&world, 1, b"new");
    let upgraded = found(&world, 1);
    assert_eq!((&upgraded.version, upgraded.sha256), (&started.version, started.sha256));
    assert_eq!(upgraded.runs, (next.version.clone(), next.sha256));
    let row = world.audit().pop().unwrap();
    assert_eq!((row.action.as_str(), row.actor), ("match.upgrade", ada()));
    assert_eq!((&row.detail["Tick"], &row.detail["Version"]), (&json!(60), &json!("1.1.0")));
    assert_eq!(row.detail["VersionBefore"], "1.0.0");

    let world = world.restart();
    let engine = segment(90, "1.1.0", SegmentWhy::Engine);
    world.store.add_segment(&ada(), &engine).unwrap();
    assert_eq!(world.audit().pop().unwrap().action, "match.resume");
    let segments = world.store.segments(&match_id(1)).unwrap();
    let told: Vec<_> = segments.iter().map(|found| (found.tick, found.why)).collect();
    assert_eq!(told, [(60, SegmentWhy::Upgrade), (90, SegmentWhy::Engine)]);
    assert_eq!(world.store.inputs(&match_id(1)).unwrap().unwrap(), b"old, new");
    let gap = "INSERT INTO input_chunk SELECT n + 9, match_id, seq + 9, bytes, length, hash
               FROM input_chunk";
    assert!(world.raw().execute(gap, []).is_err(), "its log is guarded as before");
    let listed = world.store.matches(&game(), &Page::first(1)).unwrap();
    assert_eq!(listed, [found(&world, 1)]);
}

#[test]
fn a_match_goes_over_only_to_a_schedulable_build_and_never_back_in_time() {
    let world = World::with_match();
    let [retired, refused, _] = ["1.1.0", "1.2.0", "1.3.0"].map(|text| world.upload(text));
    world.store.set_schedulable(&ada(), &game(), &retired.version, false).unwrap();
    world.store.refuse_build(&refused, Refusal::Altered { found: POLICY }).unwrap();
    let upgrade = |tick, text| segment(tick, text, SegmentWhy::Upgrade);
    world.store.add_segment(&ada(), &upgrade(60, "1.3.0")).unwrap();
    let rows = world.audit().len();
    let add = |new: &NewSegment| world.store.add_segment(&ada(), new).unwrap_err();

    assert!(add(&upgrade(70, "1.1.0")).to_string().contains("retired"));
    assert!(add(&upgrade(70, "1.2.0")).to_string().contains("refused"));
    assert!(matches!(add(&upgrade(70, "9.0.0")), StoreError::NoSuchBuild { .. }));
    let other = NewSegment { version: version("1.0.0"), ..upgrade(70, "1.3.0") };
    assert!(matches!(add(&other), StoreError::OtherModule { .. }));
    let nowhere = NewSegment { match_id: match_id(9), ..upgrade(70, "1.3.0") };
    assert!(matches!(add(&nowhere), StoreError::NoSuchMatch(_)));
    assert!(add(&upgrade(59, "1.3.0")).to_string().contains("follows the last"));
    assert!(add(&segment(70, "1.3.0", SegmentWhy::Fork)).to_string().contains("a fork begins"));

    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    assert!(matches!(add(&upgrade(70, "1.3.0")), StoreError::MatchEnded(_)));
    assert_eq!((world.count("match_segment"), world.audit().len()), (1, rows + 1));
    let raw = world.raw();
    for sql in [
        "UPDATE match_segment SET tick = 61",
        "DELETE FROM match_segment",
        "INSERT OR REPLACE INTO match_segment SELECT * FROM match_segment",
        "INSERT INTO match_segment SELECT match_id, 2, 90, game, version, sha256, why, at FROM match_segment",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
}

#[test]
fn a_fork_is_a_match_of_its_own_that_names_where_it_came_from() {
    let world = World::with_match();
    log(&world, 1, b"the one");
    let made = fork(&world, 2, 1, 45).unwrap();
    assert_eq!(made.forked_from, Some((match_id(1), 45)));
    assert_eq!(made.runs, (made.version.clone(), made.sha256));
    let [first] = world.store.segments(&match_id(2)).unwrap().try_into().unwrap();
    assert_eq!((first.tick, first.why), (45, SegmentWhy::Fork));
    assert_eq!(world.store.segments(&match_id(1)).unwrap(), []);
    let row = world.audit().pop().unwrap();
    assert_eq!(row.action, "match.start");
    assert_eq!(row.detail["Fork"], json!({ "Of": match_id(1).to_string(), "At": 45 }));

    log(&world, 2, b"the other");
    assert_eq!(world.store.inputs(&match_id(1)).unwrap().unwrap(), b"the one");
    assert_eq!(found(&world, 1).forked_from, None);
    world.store.lose(&match_id(1), "no matter").unwrap();
    assert_eq!(fork(&world, 3, 1, 0).unwrap().forked_from, Some((match_id(1), 0)));
    assert!(world.raw().execute("UPDATE match_run SET forked_at = 1", []).is_err());
}

#[test]
fn a_fork_numbers_its_players_above_those_of_its_match() {
    let world = World::with_match();
    join(&world, 1, 2).unwrap();
    join(&world, 1, 2).unwrap();
    fork(&world, 2, 1, 45).unwrap();
    fork(&world, 3, 2, 50).unwrap();
    assert_eq!(join(&world, 3, 2).unwrap().id, PlayerId(3), "of a fork that had none itself");
    assert_eq!(join(&world, 2, 2).unwrap().id, PlayerId(3));
    assert_eq!(join(&world, 2, 2).unwrap().id, PlayerId(4));
    assert!(matches!(join(&world, 2, 2), Err(StoreError::TooManyPlayers { most: 2 })));
    fork(&world, 4, 2, 60).unwrap();
    assert_eq!(join(&world, 4, 2).unwrap().id, PlayerId(5));
    let taken = "INSERT INTO player SELECT match_id, 2, name, X'00', created_at, '', NULL
                 FROM player WHERE match_id = ?1";
    assert!(world.raw().execute(taken, [match_id(4).as_str()]).is_err());
}

#[test]
fn nothing_is_a_fork_of_another_games_match_or_of_none() {
    let world = World::with_match();
    let other = GameId::from_random([8; 10]);
    world.store.create_game(&ada(), &other, "Other", "ada").unwrap();
    let (text, sim) = (version("1.0.0"), module("other"));
    world.store.insert_build(&ada(), &other, &text, &sim, POLICY, None).unwrap();
    let build = world.store.build(&other, &text).unwrap().unwrap();
    let foreign = Some(Fork { of: match_id(1), at: 0 });
    let foreign = NewMatch { fork: foreign, ..new_match(2, &build) };
    let made = world.store.insert_match(&ada(), &foreign);
    assert!(matches!(made, Err(StoreError::NoSuchMatch(id)) if id == match_id(1)));
    assert!(matches!(fork(&world, 2, 9, 0), Err(StoreError::NoSuchMatch(id)) if id == match_id(9)));
    assert!(fork(&world, 2, 1, -1).is_err(), "no tick is below 0");
    assert_eq!((world.count("match_run"), world.count("match_segment")), (1, 0));
}
