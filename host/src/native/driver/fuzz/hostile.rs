//! A hostile peer: it knows how an honest one speaks, says mostly that, and then something else. So
//! what is wrong stands behind what is right, where it is looked at.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    thread::{Scope, ScopedJoinHandle},
};

use lattice_cell::places;
use lattice_policies::{Code, PlayerId};
use lattice_surface::{Prompt, PromptLimits};

use super::{super::*, seeded::Seeded};
use crate::{cell::Ring, native::layout::Layout};

pub(super) struct Hostile {
    ring: Arc<Ring>,
    random: Seeded,
    layout: Layout,
    limits: PromptLimits,
    prompt: Prompt,
    players: Vec<PlayerId>,
    turns: u64,
    isolation: Isolation,
    outlet: Vec<u8>,
}

impl Hostile {
    pub(super) fn new(
        ring: Arc<Ring>,
        random: Seeded,
        layout: Layout,
        limits: PromptLimits,
    ) -> Self {
        let prompt = Prompt::begin(Phase::Tick, limits);
        let (players, isolation) = (Vec::new(), Isolation::all());
        let outlet = Vec::with_capacity(ring.outlet() as usize);
        Self { ring, random, layout, limits, prompt, players, turns: 0, isolation, outlet }
    }

    /// A call of the host's begins.
    pub(super) fn begin(&mut self, players: Vec<PlayerId>) {
        self.prompt = Prompt::begin(Phase::Tick, self.limits);
        self.players = players;
        self.turns = 0;
    }

    /// Those that it has taken since.
    pub(super) fn turns(&self) -> u64 {
        self.turns
    }

    /// One who writes the same ring while the host reads it.
    pub(super) fn scribbler(&mut self) -> Scribbler {
        Scribbler { ring: Arc::clone(&self.ring), random: self.random.fork() }
    }

    /// A place in the image, at and beside every edge there is.
    fn place(&mut self) -> u64 {
        let layout = &self.layout;
        let range = &layout.ranges[self.random.below(layout.ranges.len() as u64) as usize];
        let edges = [0, range.offset, range.offset + range.len, layout.span, 1 << 32, u64::MAX];
        let edge = self.random.of(&edges);
        edge.wrapping_add(self.random.below(64)).wrapping_sub(32)
    }

    fn len(&mut self) -> u32 {
        let large = [0, 128, 256, 4096, 65_536, 16 << 20, u32::MAX - 31];
        let len = if self.random.one_in(3) { self.random.of(&large) } else { 0 };
        len.wrapping_add(self.random.below(48) as u32)
    }

    fn range(&mut self) -> (u32, u32) {
        let inside = self.layout.stack.start as u32 + self.random.below(4096) as u32;
        let ptr = if self.random.one_in(4) { self.place() as u32 } else { inside };
        (ptr, self.len())
    }

    /// A call that a cell answers, of any kind.
    fn call(&mut self) -> Call {
        let ((ptr, len), flags) = (self.range(), self.random.below(3) as u32);
        let player = PlayerId(self.random.below(5) as u32);
        match self.random.below(7) {
            0 => Call::Log { level: self.random.next() as u32, ptr, len },
            1 => Call::EventPeek,
            2 => Call::EventNext { ptr, cap: len },
            3 => Call::Send { player, ptr, len, flags },
            4 => Call::Broadcast { ptr, len, flags },
            5 => Call::Kick { player, reason: self.random.next() as i32 },
            _ => Call::Result { ptr, len },
        }
    }

    /// Puts a record of the call into the outlet, as an honest cell would as far as this peer cares.
    fn put(&mut self, event: &mut usize) {
        let call = self.call();
        let in_image = copied::are_in_image(&call, self.layout.span);
        let players = &self.players;
        let prompt = self.prompt.answer(&call, in_image, |player| players.contains(&player));
        let answer = prompt.unwrap_or_else(|| self.event_answer(&call, event));
        let len = if in_image { Record::looked_at(&call, &self.limits) } else { 0 };
        let bytes = vec![self.random.byte(); len as usize];
        let used = self.outlet.len();
        let size = Record::size(bytes.len());
        if used + size <= self.ring.outlet() as usize {
            self.outlet.resize(used + size, 0);
            Record { call, answer, bytes: &bytes }.encode(&mut self.outlet[used..]).unwrap();
        }
    }

    /// The size of the inlet's next event, which `event` has the beginning of.
    fn event_answer(&mut self, call: &Call, event: &mut usize) -> i32 {
        let control = self.ring.control();
        let events = control.players.load(Relaxed) as usize * 4;
        let end = events + control.event_bytes.load(Relaxed) as usize;
        let at = events + *event;
        let mut payload = [0; 4];
        if at + 8 > end || self.ring.read_inlet(at as u64 + 4, &mut payload).is_err() {
            return 0;
        }
        let size = u32::from_le_bytes(payload).saturating_add(HEADER_BYTES as u32);
        match *call {
            Call::EventNext { cap, .. } if size > cap => Code::TooSmall.value(),
            Call::EventNext { .. } => {
                *event += size as usize;
                size as i32
            }
            _ => size as i32,
        }
    }

    fn fill_outlet(&mut self, event: &mut usize) {
        self.outlet.clear();
        for _ in 0..self.random.below(8) {
            self.put(event);
        }
        if self.random.one_in(4) {
            self.spoil_outlet();
        }
        let zeros = [0; 64];
        self.ring.write_outlet(0, &self.outlet).unwrap();
        let room = self.ring.outlet() as usize - self.outlet.len();
        self.ring.write_outlet(self.outlet.len() as u32, &zeros[..room.min(64)]).unwrap();
        let len = self.outlet.len() as u32;
        let wrong = [0, len / 2, len + 1, len + 32, self.ring.outlet(), 1 << 31, u32::MAX];
        let stated = if self.random.one_in(12) { self.random.of(&wrong) } else { len };
        self.ring.control().outlet_bytes.store(stated, Relaxed);
    }

    /// One of the ways in which records are no records.
    fn spoil_outlet(&mut self) {
        let len = self.outlet.len() as u64;
        if len == 0 {
            return self.outlet.extend((0..self.ring.outlet()).map(|_| 0xff));
        }
        let at = self.random.below(len) as usize;
        match self.random.below(5) {
            0 => self.outlet[at] = self.random.byte(),
            1 => self.outlet[at] ^= 1 << self.random.below(8),
            2 => self.outlet.truncate(at),
            3 => self.outlet[at / 32 * 32..].fill(0),
            _ => {
                let word = self.random.of(&[0, 1, 0x7fff_ffff, u32::MAX]).to_le_bytes();
                let at = at / 4 * 4;
                self.outlet[at..at + 4].copy_from_slice(&word);
            }
        }
    }

    fn ask(&mut self) {
        let known = [
            places::CONFIG,
            places::GAUGE,
            places::STATE_WRITE,
            places::STATE_READ,
            places::HTTP_REQUEST,
        ];
        let any = self.random.next() as u32 % 16;
        let function = if self.random.one_in(10) { any } else { self.random.of(&known) };
        let words: Vec<u64> = (0..7).map(|_| self.word()).collect();
        let control = self.ring.control();
        control.function.store(function, Relaxed);
        for (to, word) in control.asked.iter().zip(words) {
            to.store(word, Relaxed);
        }
    }

    /// A pointer or a length.
    fn word(&mut self) -> u64 {
        match self.random.below(8) {
            0 => self.place(),
            1 => self.random.next(),
            2 | 3 => self.layout.stack.start + self.random.below(1 << 20),
            _ => self.len().into(),
        }
    }
}

impl Peer for Hostile {
    fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    fn control(&self) -> &Control {
        self.ring.control()
    }

    fn write_inlet(&self, bytes: &[u8]) -> io::Result<()> {
        self.ring.write_inlet(bytes)
    }

    fn read_outlet(&self, bytes: u32, into: &mut Vec<u8>) -> io::Result<()> {
        self.ring.read_outlet(bytes, into)
    }

    fn turn(&mut self, _: Instant) -> Result<Turn, NativeEnd> {
        self.turns += 1;
        let mut event = 0;
        self.fill_outlet(&mut event);
        if self.random.one_in(8) {
            scribble(self.ring.control(), &mut self.random);
        }
        let numbers = if self.random.one_in(20) { 0..9 } else { 3..7 };
        let number = numbers.start + self.random.below(numbers.end - numbers.start);
        let turn = Turn::of(number as u32).ok_or_else(|| NativeEnd::Ring("no turn".into()))?;
        if turn == Turn::Ask {
            self.ask();
        }
        Ok(turn)
    }
}

/// Writes any word to any field of the control.
fn scribble(control: &Control, random: &mut Seeded) {
    let halves: [&AtomicU32; 14] = [
        &control.to_cell,
        &control.to_host,
        &control.host_sleeps,
        &control.request,
        &control.phase,
        &control.answer,
        &control.players,
        &control.event_bytes,
        &control.more_events,
        &control.turn,
        &control.outlet_bytes,
        &control.barriers,
        &control.function,
        &control.signal,
    ];
    let wholes: [&AtomicU64; 5] = [
        &control.entry,
        &control.arguments[0],
        &control.asked[random.below(7) as usize],
        &control.address,
        &control.instruction,
    ];
    let word = random.next() >> random.below(64);
    if random.one_in(3) {
        random.of(&wholes).store(word, Relaxed);
        control.returned.store(word as i64, Relaxed);
    } else {
        random.of(&halves).store(word as u32, Relaxed);
    }
}

/// Writes the ring as long as the host works with it.
pub(super) struct Scribbler {
    ring: Arc<Ring>,
    random: Seeded,
}

impl Scribbler {
    pub(super) fn start<'scope>(self, scope: &'scope Scope<'scope, '_>) -> Stops<'scope> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = scope.spawn(move || self.run(&stopped));
        Stops { stop, thread: Some(thread) }
    }

    fn run(mut self, stopped: &AtomicBool) {
        while !stopped.load(Relaxed) {
            scribble(self.ring.control(), &mut self.random);
            let at = self.random.below(self.ring.outlet().into()) as u32;
            let byte = self.random.byte();
            self.ring.write_outlet(at, &[byte]).unwrap();
        }
    }
}

/// A scribbler that runs until this is dropped.
pub(super) struct Stops<'scope> {
    stop: Arc<AtomicBool>,
    thread: Option<ScopedJoinHandle<'scope, ()>>,
}

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
