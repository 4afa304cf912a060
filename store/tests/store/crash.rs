//! A process that is killed while it writes: what it acknowledged is there, and each change that
//! is there has its row of the audit.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use lattice_store::{InputAppend, Page, Store};

use crate::{snapshots::taken, world::*};

/// The tests whose process is to be killed.
const CHANGES: &str = "crash::a_killed_writer_leaves_changes_and_audit_in_step";
const MARKS: &str = "crash::a_killed_writer_leaves_no_mark_ahead_of_the_inputs_before_it";
/// Set for the process that is to be killed: the folder that it writes to.
const VICTIM: &str = "LATTICE_TEST_VICTIM";

#[test]
fn a_killed_writer_leaves_changes_and_audit_in_step() {
    if let Some(dir) = env::var_os(VICTIM) {
        return write_until_killed(Path::new(&dir));
    }
    let World { dir, store } = World::with_game();
    drop(store);
    let mut kept = 0;
    for acknowledged in [1, 7, 20] {
        kill_after(CHANGES, acknowledged, dir.path());
        let store = Store::open(dir.path()).unwrap();
        let builds = store.builds(&game(), &Page::first(Page::MOST)).unwrap();
        assert!(builds.len() >= kept + acknowledged, "{} builds", builds.len());
        kept = builds.len();
        for build in builds {
            assert_eq!(store.module(build.sha256).unwrap().unwrap().len() as u64, build.size);
        }
        let rows = store.verify_audit().unwrap().rows;
        assert_eq!(rows as usize, kept + 1, "a row for the game, and one for each build");
    }
}

#[test]
fn a_killed_writer_leaves_no_mark_ahead_of_the_inputs_before_it() {
    if let Some(dir) = env::var_os(VICTIM) {
        return mark_until_killed(Path::new(&dir));
    }
    let World { dir, store } = World::with_match();
    drop(store);
    let mut acknowledged = 0;
    for more in [1, 7, 20] {
        kill_after(MARKS, more, dir.path());
        acknowledged += more;
        let store = Store::open(dir.path()).unwrap();
        let inputs = store.inputs(&match_id(1)).unwrap().unwrap().len();
        let mark = store.mark(&match_id(1)).unwrap().unwrap() as usize;
        assert!(mark >= acknowledged, "{mark} of {acknowledged}");
        assert!(inputs == mark || inputs == mark + 1, "{inputs} inputs, the mark at {mark}");
        let snapshot = store.snapshot(&match_id(1), i64::MAX).unwrap().unwrap();
        assert!(snapshot.tick as usize >= acknowledged, "{} of {acknowledged}", snapshot.tick);
    }
}

/// Starts a writer, and kills it when it has acknowledged that many of its changes.
fn kill_after(test: &str, acknowledged: usize, dir: &Path) {
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(VICTIM, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let seen = lines.filter(|line| line.ends_with("kept")).take(acknowledged).count();
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_eq!(seen, acknowledged, "the writer ended before it was killed");
}

fn write_until_killed(dir: &Path) {
    let store = Store::open(dir).unwrap();
    let highest = store.latest_schedulable(&game()).unwrap();
    for n in highest.map_or(0, |build| build.version.patch + 1).. {
        let text = format!("1.0.{n}");
        store.insert_build(&ada(), &game(), &version(&text), &module(&text), POLICY, None).unwrap();
        println!("kept");
    }
}

/// A byte of inputs for each tick, then its mark, then a snapshot behind it.
fn mark_until_killed(dir: &Path) {
    let store = Store::open(dir).unwrap();
    let id = match_id(1);
    let logged = store.inputs(&id).unwrap().map_or(0, |log| log.len() as i64);
    if logged > 0 {
        store.put_marks(&[(id.clone(), logged)]).unwrap();
    }
    for tick in logged + 1.. {
        let input = InputAppend::Records { match_id: id.clone(), bytes: vec![b'x'] };
        store.append_inputs(&[input], u64::MAX).unwrap();
        store.put_marks(&[(id.clone(), tick)]).unwrap();
        taken(tick, [(0, tick as u8), (1, 7)]).put(&store).unwrap();
        println!("kept");
    }
}
