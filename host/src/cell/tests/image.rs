//! Images made by hand, and the cells around them.

use std::{
    fs::{self, File},
    os::{fd::AsFd, unix::fs::FileExt},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

use lattice_cell::{IMAGE_BASE, Process, Range, Request, Rights, Setup, Turn};
use lattice_surface::{Phase, PromptLimits};

use super::built;
use crate::cell::{Cell, CellSettings, Cells, Gone, Ring, image_file};

/// Where the parts of an image lie, as offsets. Below the stack there is a gap.
pub(super) const CODE: u64 = 0;
pub(super) const DATA: u64 = 0x1_0000;
pub(super) const GATE: u64 = 0x2_0000;
pub(super) const STACK: u64 = 0x4_0000;
pub(super) const STACK_END: u64 = 0x5_0000;
pub(super) const PAGE: u64 = 4096;

pub(super) const LIMITS: PromptLimits = PromptLimits {
    message_out_bytes: 256,
    tick_messages: 4,
    tick_message_bytes: 600,
    log_record_bytes: 128,
    result_bytes: 128,
};

pub(super) fn settings() -> CellSettings {
    CellSettings { program: built::cell(), slots: 4, spin_cpus: Vec::new(), cgroup: None }
}

pub(super) fn cells() -> Cells {
    Cells::start(settings()).unwrap()
}

/// Of an image of those parts.
pub(super) fn setup() -> Setup {
    let range = |offset, len, rights| Range { offset, len, rights };
    Setup {
        limits: LIMITS,
        inlet: 4096,
        outlet: 1024,
        span: STACK_END,
        gate: GATE,
        stack_end: STACK_END,
        process: Process::default(),
        ranges: vec![
            range(CODE, PAGE, Rights::Execute),
            range(DATA, PAGE, Rights::Write),
            range(GATE, PAGE, Rights::Gate),
            range(STACK, STACK_END - STACK, Rights::Write),
        ],
    }
}

/// A cell around the code, which is at its image's beginning, and the image.
pub(super) struct Sim {
    pub(super) cell: Cell,
    pub(super) image: File,
}

impl Sim {
    pub(super) fn of(code: &[u8]) -> Self {
        Self::among(&cells(), code)
    }

    pub(super) fn among(cells: &Cells, code: &[u8]) -> Self {
        let image = image_file(STACK_END).unwrap();
        image.write_all_at(code, CODE).unwrap();
        let setup = setup();
        let ring = Ring::new(setup.inlet, setup.outlet).unwrap();
        let cell = cells.spawn(ring, image.as_fd(), setup).unwrap();
        assert_eq!(status(&cell, "Seccomp"), "2", "no attack runs outside of a filter");
        Self { cell, image }
    }

    /// Calls the code at that offset of the image.
    pub(super) fn call(
        &mut self,
        phase: Phase,
        at: u64,
        arguments: [u64; 2],
    ) -> Result<Turn, Gone> {
        self.ask(phase, at, arguments);
        self.turn()
    }

    pub(super) fn tick(&mut self) -> Result<Turn, Gone> {
        self.call(Phase::Tick, CODE, [0, 0])
    }

    pub(super) fn tick_until(&mut self, deadline: Instant) -> Result<Turn, Gone> {
        self.ask(Phase::Tick, CODE, [0, 0]);
        self.cell.turn(deadline)
    }

    fn ask(&self, phase: Phase, at: u64, arguments: [u64; 2]) {
        let control = self.cell.ring().control();
        let place = Phase::ALL.iter().position(|it| *it == phase).unwrap();
        set(&control.request, Request::Call as u32);
        set(&control.phase, place as u32);
        control.entry.store(IMAGE_BASE + at, Relaxed);
        for (to, value) in control.arguments.iter().zip(arguments) {
            to.store(value, Relaxed);
        }
    }

    /// Lets the sim go on with an answer.
    pub(super) fn answer(&mut self, answer: i32) -> Result<Turn, Gone> {
        let control = self.cell.ring().control();
        set(&control.request, Request::Answer as u32);
        set(&control.answer, answer as u32);
        self.turn()
    }

    /// The players and events that the sim finds in its next turn.
    pub(super) fn fill(&mut self, players: &[u32], events: &[u8], more: bool) {
        let mut inlet: Vec<u8> = players.iter().flat_map(|player| player.to_le_bytes()).collect();
        inlet.extend_from_slice(events);
        let ring = self.cell.ring();
        ring.write_inlet(&inlet).unwrap();
        set(&ring.control().players, players.len() as u32);
        set(&ring.control().event_bytes, events.len() as u32);
        set(&ring.control().more_events, more.into());
    }

    pub(super) fn outlet(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let len = get(&self.cell.ring().control().outlet_bytes);
        self.cell.ring().read_outlet(len, &mut bytes).unwrap();
        bytes
    }

    pub(super) fn returned(&self) -> i64 {
        self.cell.ring().control().returned.load(Relaxed)
    }

    pub(super) fn memory<const LEN: usize>(&self, offset: u64) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        self.image.read_exact_at(&mut bytes, offset).unwrap();
        bytes
    }

    /// Long enough that no honest turn on a busy machine meets it.
    fn turn(&mut self) -> Result<Turn, Gone> {
        self.cell.turn(Instant::now() + Duration::from_secs(30))
    }
}

/// What the kernel says of the cell, seen from here.
pub(super) fn status(cell: &Cell, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", cell.pid())).unwrap();
    let mut fields = status.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| *name == field).unwrap().1.trim().to_owned()
}

pub(super) fn get(field: &AtomicU32) -> u32 {
    field.load(Relaxed)
}

pub(super) fn set(field: &AtomicU32, value: u32) {
    field.store(value, Relaxed);
}
