//! Processes' lives: that each ends when it has to, is waited for, and leaves nothing behind.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, ErrorKind},
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use lattice_cell::Turn;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
    thread::sched_getaffinity,
};

use super::{
    built,
    code::Code,
    image::{Sim, cells, settings, status},
};
use crate::cell::{CellError, CellSettings, Cells, Gone};

const FOREVER: [u8; 2] = [0xeb, 0xfe]; // jmp to itself

fn exists(pid: u32) -> bool {
    fs::exists(format!("/proc/{pid}")).unwrap()
}

/// The files, by device and inode, that descriptors of this process lead to. Those that share one
/// with others say nothing, and are left out.
fn open_files() -> BTreeSet<(u64, u64)> {
    let paths = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let shared =
        |path: &Path| fs::read_link(path).is_ok_and(|target| target.starts_with("anon_inode:"));
    let files = paths.filter(|path| !shared(path)).filter_map(|path| fs::metadata(path).ok());
    files.map(|file| (file.dev(), file.ino())).collect()
}

#[test]
fn a_loop_meets_its_deadline_and_is_gone_when_that_is_said() {
    let mut sim = Sim::of(&FOREVER);
    let pid = sim.cell.pid();
    assert!(exists(pid));
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(50);
    let end = sim.cell.turn(deadline);
    // The cell was not asked for anything by then, so that it waits in its first turn, or ends.
    assert!(matches!(end, Err(Gone::Exit(3, None))), "{end:?}");
    assert!(!exists(pid));

    let mut sim = Sim::of(&FOREVER);
    let pid = sim.cell.pid();
    let end = sim.tick_until(Instant::now() + Duration::from_millis(50));
    assert!(matches!(end, Err(Gone::Deadline)), "{end:?}");
    assert!(!exists(pid), "it was waited for");
    let again = sim.tick();
    assert!(matches!(again, Err(Gone::Host(_))), "{again:?}");
}

#[test]
fn a_deadline_that_has_passed_is_met_all_the_same() {
    let mut sim = Sim::of(&FOREVER);
    let end = sim.tick_until(Instant::now());
    assert!(matches!(end, Err(Gone::Deadline)), "{end:?}");
}

#[test]
fn a_death_between_two_turns_is_told_in_the_next() {
    let mut sim = Sim::of(&Code::default().done());
    assert_eq!(sim.tick().unwrap(), Turn::Returned);
    kill_process(Pid::from_raw(sim.cell.pid() as i32).unwrap(), Signal::KILL).unwrap();
    let end = sim.tick();
    assert!(matches!(end, Err(Gone::Signal { signal: libc::SIGKILL, told: None })), "{end:?}");
}

#[test]
fn neighbours_go_on() {
    let cells = cells();
    let mut hostile = Sim::among(&cells, &[0x0f, 0x0b]);
    let mut looping = Sim::among(&cells, &FOREVER);
    let mut honest = Sim::among(&cells, &Code::default().rax(5).done());
    assert!(hostile.tick().is_err());
    assert!(looping.tick_until(Instant::now() + Duration::from_millis(10)).is_err());
    for _ in 0..100 {
        assert_eq!(honest.tick().unwrap(), Turn::Returned);
        assert_eq!(honest.returned(), 5);
    }
}

#[test]
fn slots_are_counted_and_come_back() {
    let cells = Cells::start(CellSettings { slots: 2, ..settings() }).unwrap();
    let code = Code::default().done();
    let first = Sim::among(&cells, &code);
    let _second = Sim::among(&cells, &code);
    assert!(matches!(cells.probe(), Err(CellError::Full(2))));
    drop(first);
    assert!(cells.probe().is_ok());
}

#[test]
fn nothing_is_left_behind() {
    let cells = cells();
    let mut pids = Vec::new();
    let mut files = BTreeSet::new();
    for _ in 0..5 {
        for code in [&[0x0f, 0x0b][..], &FOREVER, &[0xc3]] {
            let mut sim = Sim::among(&cells, code);
            pids.push(sim.cell.pid());
            let own = [sim.cell.ring().file(), &sim.image].map(|file| file.metadata().unwrap());
            files.extend(own.map(|file| (file.dev(), file.ino())));
            assert!(files.intersection(&open_files()).count() >= 2, "what is looked for is there");
            let _ = sim.tick_until(Instant::now() + Duration::from_millis(5));
        }
    }
    for pid in pids {
        assert!(!exists(pid), "{pid} is neither running nor a zombie");
    }
    let left = open_files();
    assert_eq!(files.len(), 30);
    assert_eq!(files.intersection(&left).count(), 0);
}

#[test]
fn a_program_that_is_not_there_is_named_and_nothing_is_left_of_the_attempt() {
    let missing = CellSettings { program: "/nowhere/lattice-cell".into(), slots: 1, ..settings() };
    let cells = Cells::start(missing).unwrap();
    for _ in 0..3 {
        let refused = cells.probe().expect_err("there is no program").to_string();
        assert!(refused.contains("/nowhere/lattice-cell: No such file"), "{refused}");
    }
}

#[test]
fn a_cell_ends_with_what_made_it() {
    let cells = cells();
    let sim = Sim::among(&cells, &Code::default().done());
    let pid = sim.cell.pid();
    drop(cells);
    assert!(exists(pid), "a cell keeps its makers");
    drop(sim);
    assert!(!exists(pid));
}

#[test]
fn a_cell_sees_nothing_of_the_machine() {
    let sim = Sim::of(&Code::default().done());
    let pid = sim.cell.pid();
    let maps = match fs::read_to_string(format!("/proc/{pid}/maps")) {
        // Who has no rights over it can't even look.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return,
        maps => maps.unwrap(),
    };
    assert!(!maps.contains("[vdso]") && !maps.contains("[vvar"), "{maps}");
    let writable_code = maps.lines().filter(|line| line.contains("rwx")).count();
    assert_eq!(writable_code, 0, "{maps}");
    assert_eq!(fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(format!("/proc/{pid}/task")).unwrap().count(), 1);
    assert_eq!(status(&sim.cell, "SigIgn"), "0000000000000000");
    assert_eq!(status(&sim.cell, "SigBlk"), "0000000000000000");
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert_eq!(environment, b"GLIBC_TUNABLES=glibc.pthread.rseq=0\0");
}

#[test]
fn by_hand_the_program_says_what_it_is() {
    let said = Command::new(built::cell()).output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    let text = String::from_utf8(said.stderr).unwrap();
    assert!(text.contains("the process in which a Lattice host runs one native sim"), "{text}");
}

/// A host of its own process, which another test kills.
#[test]
#[ignore = "it only waits to be killed"]
fn a_host() {
    let sim = Sim::of(&Code::default().done());
    println!("cell {}", sim.cell.pid());
    loop {
        std::thread::park();
    }
}

#[test]
fn a_cell_ends_with_its_host() {
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["cell::tests::lives::a_host", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(host.stdout.take().unwrap()).lines();
    let pid = said.map(Result::unwrap).find_map(|line| line.strip_prefix("cell ")?.parse().ok());
    let cell = pidfd_open(Pid::from_raw(pid.unwrap()).unwrap(), PidfdFlags::empty()).unwrap();
    let mut ended = [PollFd::new(&cell, PollFlags::IN)];
    assert_eq!(poll(&mut ended, Some(&Timespec::default())).unwrap(), 0, "it lives");
    host.kill().unwrap();
    host.wait().unwrap();
    assert_eq!(poll(&mut ended, None).unwrap(), 1);
}

#[test]
fn a_cell_that_spins_does_so_on_its_own_processor_and_another_sleeps() {
    let own = sched_getaffinity(None).unwrap();
    let cpu = (0..1024).find(|cpu| own.is_set(*cpu)).unwrap();
    let spin_cpus = vec![cpu as u32];
    let cells = Cells::start(CellSettings { spin_cpus, ..settings() }).unwrap();
    let code = Code::default().rax(5).done();
    let mut spinning = Sim::among(&cells, &code);
    let mut sleeping = Sim::among(&cells, &code);
    assert_eq!(status(&spinning.cell, "Cpus_allowed_list"), cpu.to_string());
    let everywhere = fs::read_to_string("/proc/self/status").unwrap();
    let theirs = status(&sleeping.cell, "Cpus_allowed_list");
    assert!(everywhere.contains(&format!("Cpus_allowed_list:\t{theirs}\n")));
    for _ in 0..100 {
        for sim in [&mut spinning, &mut sleeping] {
            assert_eq!(sim.tick().unwrap(), Turn::Returned);
        }
    }
    drop(spinning);
    let next = Sim::among(&cells, &code);
    assert_eq!(status(&next.cell, "Cpus_allowed_list"), cpu.to_string(), "it came back");
    let mut looping = Sim::among(&cells, &FOREVER);
    assert!(matches!(looping.tick_until(Instant::now()), Err(Gone::Deadline)));
}
