//! A match through a sim: what is made up is the same again from its log, and a log is played as
//! far as a native program can follow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{ops::ControlFlow, sync::Arc};

use lattice_policies::{PlayerId, Sha256, policy::MatchLimits};
use lattice_surface::{
    Call, Event, InputLog, LoggedCall, LoggedEnd, LoggedEnding, MatchHeader, Phase, Said, Surface,
};
use lattice_twin::{Course, Entry, Extent, MadeUp, Recording, Sim, play, replay};

/// A sim that broadcasts each event as it gets it, and kicks whoever sends a 3.
struct Echo {
    surface: Surface,
    /// The call in which it faults itself.
    faults_in: Option<i64>,
}

const BUFFER: u32 = 1 << 10;

impl Echo {
    fn new() -> Self {
        let limits = Arc::new(MatchLimits::default());
        Self { surface: Surface::new(limits, [].into(), Arc::default()), faults_in: None }
    }

    fn ended(&mut self, tick: i64) -> Course {
        if self.faults_in == Some(tick) {
            self.surface.discard();
            return Course::Faulted("SIM".to_owned());
        }
        self.surface.commit();
        Course::GoesOn
    }
}

impl Sim for Echo {
    fn init(&mut self, _: u64, _: u16) -> Course {
        self.surface.begin(Phase::Init);
        self.ended(-1)
    }

    fn tick(&mut self, tick: i64, hash: bool) -> Course {
        let mut memory = [0; BUFFER as usize];
        loop {
            let size = self.surface.act(&Call::EventNext { ptr: 0, cap: BUFFER }, &mut memory);
            let Some(len) = u32::try_from(size).ok().filter(|size| *size > 0) else { break };
            self.surface.act(&Call::Broadcast { ptr: 0, len, flags: 0 }, &mut memory);
            if (memory[0], memory[24]) == (3, 3) {
                let player = PlayerId(u32::from_le_bytes(memory[8..12].try_into().unwrap()));
                self.surface.act(&Call::Kick { player, reason: -1 }, &mut memory);
            }
            memory.fill(0);
        }
        if hash {
            self.surface.begin_hash();
            self.surface.hash(-tick);
        }
        self.ended(tick)
    }

    fn shutdown(&mut self) -> Course {
        self.surface.begin(Phase::Shutdown);
        self.surface.act(&Call::Broadcast { ptr: 0, len: 3, flags: 0 }, &mut b"bye".to_vec());
        self.ended(i64::MAX)
    }

    fn surface<T>(&mut self, look: impl FnOnce(&mut Surface) -> T) -> T {
        look(&mut self.surface)
    }
}

const TICKS: u32 = 500;

fn made_up(seed: u64, mut sim: Echo) -> (InputLog, Vec<Entry>) {
    let match_ = MadeUp { players: 5, ticks: TICKS, seed, tick_hz: 60, hash_every: 7 };
    let mut entries = Vec::new();
    let (inputs, end) = play(&mut sim, match_, &mut |called| {
        entries.push(Entry::from(called));
        ControlFlow::Continue(())
    });
    let (module, fingerprint) = (Sha256::of(b"module"), Sha256::of(b"engine"));
    let header =
        MatchHeader { module, fingerprint, tick_hz: 60, seed, hash_every: 7, config: [].into() };
    (InputLog { header, segments: Vec::new(), inputs, end: Some(end) }, entries)
}

fn replayed(log: &InputLog, mut sim: Echo) -> (Extent, Vec<Entry>) {
    let mut entries = Vec::new();
    let extent = replay(&mut sim, log, &mut |called| {
        entries.push(Entry::from(called));
        ControlFlow::Continue(())
    });
    (extent, entries)
}

#[test]
fn a_made_up_match_is_the_same_again_from_its_log() {
    let (log, entries) = made_up(1, Echo::new());
    assert_eq!(log.end.as_ref().unwrap().ending, LoggedEnding::ShutDown);
    assert_eq!(entries.len(), TICKS as usize + 2, "init, the ticks and shutdown");
    assert_eq!(replayed(&log, Echo::new()), (Extent::Through, entries.clone()));
    assert_eq!(made_up(1, Echo::new()), (log.clone(), entries));
    assert_ne!(made_up(2, Echo::new()).0.inputs, log.inputs);
}

#[test]
fn made_up_players_join_once_and_send_nothing_once_they_are_gone() {
    let (log, _) = made_up(3, Echo::new());
    let (mut there, mut joined, mut gone_without_a_leave) = (Vec::new(), 0, 0);
    for event in log.inputs.iter().flat_map(|inputs| &inputs.events) {
        match event {
            Event::Join { player, .. } => {
                joined += 1;
                assert_eq!(player.0, joined, "numbers are given in order, each once");
                there.push(*player);
            }
            Event::Leave { player, .. } => there.retain(|it| it != player),
            Event::Message { player, bytes } => {
                assert!(there.contains(player) && !bytes.is_empty());
                if bytes[0] == 3 {
                    // The kick's leave is the sim's doing, and no input.
                    there.retain(|it| it != player);
                    gone_without_a_leave += 1;
                }
            }
            Event::Stop { ticks_left } => assert_eq!(*ticks_left, 1),
            Event::Response { .. } => panic!("nothing was asked for"),
        }
    }
    assert!(joined > 5 && gone_without_a_leave > 0, "some were kicked and followed by others");
}

#[test]
fn a_log_is_played_up_to_what_only_the_sandbox_has() {
    let (whole, entries) = made_up(4, Echo::new());
    let transcript = whole.end.as_ref().unwrap().transcript;
    let faulted = |call, kind: &str| LoggedEnding::Faulted { call, kind: kind.to_owned() };
    let ending_at_9 = |ending| {
        let end = Some(LoggedEnd { ticks: 9, ending, transcript });
        replayed(&InputLog { end, ..whole.clone() }, Echo::new())
    };
    let before = |tick, kind: &str| Extent::BeforeFault { tick, kind: kind.to_owned() };
    for kind in ["FUEL", "TRAP", "STACK"] {
        let (extent, played) = ending_at_9(faulted(LoggedCall::Tick, kind));
        assert_eq!((extent, played.as_slice()), (before(9, kind), &entries[..10]));
        let (extent, played) = ending_at_9(faulted(LoggedCall::Init, kind));
        assert_eq!((extent, played), (before(-1, kind), Vec::new()));
    }
    let (extent, played) = ending_at_9(LoggedEnding::Cut { kind: "DEADLINE".to_owned() });
    assert_eq!((extent, played.len()), (before(9, "DEADLINE"), 10));
    let (extent, played) = ending_at_9(LoggedEnding::Finished);
    assert_eq!((extent, played.len()), (Extent::Through, 10), "no shutdown follows");

    let cut_off = InputLog { end: None, inputs: whole.inputs[..6].to_vec(), ..whole.clone() };
    let (extent, played) = replayed(&cut_off, Echo::new());
    assert_eq!(extent, Extent::Through);
    assert_eq!(played.last().unwrap().tick, whole.inputs[5].tick);
}

#[test]
fn a_fault_that_the_sim_declares_is_played_and_voids_its_call() {
    let sim = || Echo { faults_in: Some(40), ..Echo::new() };
    let (log, entries) = made_up(5, sim());
    let end = log.end.clone().unwrap();
    let kind = "SIM".to_owned();
    assert_eq!(end.ending, LoggedEnding::Faulted { call: LoggedCall::Tick, kind });
    assert_eq!(end.ticks, 40);
    let last = entries.last().unwrap();
    assert_eq!((last.tick, last.said.len()), (40, 0));
    assert_eq!(replayed(&log, sim()), (Extent::Ended, entries));
}

#[test]
fn the_digest_is_taken_at_fixed_ticks_and_is_said_last() {
    let (log, entries) = made_up(3, Echo::new());
    assert_eq!(log.header.hash_every, 7);
    for entry in entries.iter().filter(|entry| (0..i64::from(TICKS)).contains(&entry.tick)) {
        let mut said = &entry.said[..];
        let digests: Vec<u64> = std::iter::from_fn(|| Said::take(&mut said))
            .filter_map(|said| match said {
                Said::Hash { value } => Some(value),
                _ => None,
            })
            .collect();
        let expected = if entry.tick % 7 == 6 { vec![-entry.tick as u64] } else { Vec::new() };
        assert_eq!(digests, expected, "tick {}", entry.tick);
    }
}

/// Plays a log again, and records what was played.
fn recorded(log: &InputLog, mut sim: Echo) -> Recording {
    let mut recording = Recording::new(log.header.clone());
    replay(&mut sim, log, &mut |called| {
        recording.note(called);
        ControlFlow::Continue(())
    });
    recording
}

#[test]
fn a_recording_is_the_log_with_the_hash_of_every_tick_in_which_anything_was_said() {
    let (log, entries) = made_up(6, Echo::new());
    let recording = recorded(&log, Echo::new());
    let end = log.end.clone().unwrap();
    assert!(recording.ended_as(&end));
    let read = InputLog::read(&recording.encode(&log.inputs, Some(&end))).unwrap();
    assert_eq!((&read.header, &read.end), (&log.header, &log.end));
    let came = |log: &InputLog| -> Vec<_> {
        let came = log.inputs.iter().filter(|it| !it.events.is_empty() || !it.codes.is_empty());
        came.cloned().collect()
    };
    assert_eq!(came(&read), log.inputs, "what came in is the same, and so are its hashes");
    let ticks = entries.iter().filter(|entry| entry.tick < end.ticks);
    for entry in ticks.filter(|entry| !entry.said.is_empty()) {
        let at = read.inputs.binary_search_by_key(&entry.tick, |inputs| inputs.tick);
        assert_eq!(read.inputs[at.unwrap()].transcript, entry.transcript, "tick {}", entry.tick);
    }
    assert_eq!(replayed(&read, Echo::new()), (Extent::Through, entries));
}

#[test]
fn a_recording_does_not_claim_an_end_that_was_not_played() {
    let (log, _) = made_up(5, Echo::new());
    let (faulted, _) = made_up(5, Echo { faults_in: Some(40), ..Echo::new() });
    let end = log.end.clone().unwrap();
    let broken = recorded(&log, Echo { faults_in: Some(40), ..Echo::new() });
    assert!(!broken.ended_as(&end), "it faulted at tick 40, and the log went on");
    assert!(broken.ended_as(&faulted.end.unwrap()), "it ended as a sim that faults there");
    let cut_off = InputLog::read(&broken.encode(&log.inputs, None)).unwrap();
    assert_eq!(cut_off.end, None);
    assert_eq!(cut_off.inputs.last().unwrap().tick, 40, "nothing came behind the fault");
    let ending = LoggedEnding::Finished;
    let finished = LoggedEnd { ending, ..end.clone() };
    assert!(!recorded(&log, Echo::new()).ended_as(&finished), "it was shut down");
    let ending = LoggedEnding::Cut { kind: "DEADLINE".to_owned() };
    assert!(!recorded(&log, Echo::new()).ended_as(&LoggedEnd { ending, ..end }));
}
