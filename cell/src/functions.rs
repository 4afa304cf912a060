//! The host functions, on the cell's side: what can be answered at once is, with a record of it for
//! the host; the rest is asked. Allocates nothing, and never takes a sim's word for a length.
#![expect(unsafe_code, reason = "the sim's memory is read and written where the sim says")]

use std::{
    array, ptr, slice,
    sync::atomic::{
        AtomicPtr,
        Ordering::{Relaxed, Release},
    },
};

use lattice_cell::{IMAGE_BASE, Record, Request, Setup, Turn, in_image, places};
use lattice_policies::{Code, PlayerId};
use lattice_surface::{Call, HEADER_BYTES, Phase, Prompt, PromptLimits};

use crate::{
    system,
    trampoline::{self, Arguments},
    turns::Ring,
};

/// The sim, as its cell knows it.
pub(crate) struct Sim {
    ring: Ring,
    limits: PromptLimits,
    span: u64,
    stack_end: u64,
    prompt: Prompt,
    /// Of the inlet: where the players end, and where the next event begins and the last one ends.
    players_end: usize,
    event: usize,
    events_end: usize,
    outlet_used: usize,
}

/// The one sim of this process, for calls that come out of it.
static SIM: AtomicPtr<Sim> = AtomicPtr::new(ptr::null_mut());

impl Sim {
    pub(crate) fn new(ring: Ring, setup: &Setup) -> Self {
        Self {
            ring,
            limits: setup.limits,
            span: setup.span,
            stack_end: IMAGE_BASE + setup.stack_end,
            prompt: Prompt::begin(Phase::Initialize, setup.limits),
            players_end: 0,
            event: 0,
            events_end: 0,
            outlet_used: 0,
        }
    }

    /// Tells the host that all barriers stand, and then calls the sim's functions as it asks.
    pub(crate) fn serve(&'static mut self) -> ! {
        let mut request = self.hand_over(Turn::Ready);
        SIM.store(ptr::from_mut(self), Relaxed);
        loop {
            if request != Request::Call {
                system::exit(3);
            }
            // SAFETY: the sim is only ever reached by this pointer from here on.
            request = unsafe { call(SIM.load(Relaxed)) };
        }
    }

    /// Tells the host why there will be no sim.
    pub(crate) fn fail(&mut self, why: &str) -> ! {
        self.ring.fail(why)
    }

    fn hand_over(&mut self, turn: Turn) -> Request {
        let request = self.ring.hand_over(turn, self.outlet_used);
        let control = self.ring.control;
        self.outlet_used = 0;
        self.players_end = control.players.load(Relaxed) as usize * size_of::<u32>();
        self.event = self.players_end;
        self.events_end = self.event + control.event_bytes.load(Relaxed) as usize;
        request
    }

    fn hand_over_from_sim(&mut self, turn: Turn) {
        if self.hand_over(turn) != Request::Answer {
            system::exit(3);
        }
    }

    fn answer(&mut self, arguments: &Arguments) -> i32 {
        match call_of(arguments) {
            Some(call) => self.answer_promptly(&call),
            None => self.ask(arguments),
        }
    }

    fn ask(&mut self, arguments: &Arguments) -> i32 {
        let control = self.ring.control;
        control.function.store(arguments.function as u32, Relaxed);
        for (to, value) in control.asked.iter().zip(asked(arguments)) {
            to.store(value, Relaxed);
        }
        self.hand_over_from_sim(Turn::Ask);
        control.answer.load(Relaxed) as i32
    }

    fn answer_promptly(&mut self, call: &Call) -> i32 {
        let range = range(call);
        let in_memory = in_image(range.0, range.1, self.span);
        let players = self.ring.inlet().get(..self.players_end).unwrap_or_default();
        let prompt = self.prompt.answer(call, in_memory, |player| contains(players, player));
        let answer = prompt.unwrap_or_else(|| match *call {
            Call::EventNext { ptr, cap } => self.next_event(ptr, cap),
            _ => self.peek().map_or(0, |event| event.1 as i32),
        });
        let looked_at = Record::looked_at(call, &self.limits);
        let len = if in_memory { looked_at as usize } else { 0 };
        // SAFETY: the range lies in the image; where nothing is mapped, the handler tells.
        let bytes = unsafe { slice::from_raw_parts(pointer(range.0), len) };
        self.record(&Record { call: *call, answer, bytes });
        answer
    }

    fn next_event(&mut self, to: u32, cap: u32) -> i32 {
        let Some((at, size)) = self.peek() else { return 0 };
        if size > cap {
            return Code::TooSmall.value();
        }
        let Some(event) = self.ring.inlet().get(at..at + size as usize) else { system::exit(3) };
        // SAFETY: (to, cap) lies in the image; where it can't be written, the handler tells.
        unsafe { ptr::copy(event.as_ptr(), pointer(to), event.len()) };
        self.event += event.len();
        size as i32
    }

    /// Where the next event begins in the inlet, and its size.
    fn peek(&mut self) -> Option<(usize, u32)> {
        if self.event >= self.events_end && self.ring.control.more_events.load(Relaxed) != 0 {
            self.hand_over_from_sim(Turn::Events);
        }
        if self.event >= self.events_end {
            return None;
        }
        let field = self.ring.inlet().get(self.event + 4..self.event + 8);
        let Some(Ok(payload)) = field.map(<[u8; 4]>::try_from) else { system::exit(3) };
        Some((self.event, u32::from_le_bytes(payload) + HEADER_BYTES as u32))
    }

    fn record(&mut self, record: &Record<'_>) {
        if !self.fits(record) {
            self.hand_over_from_sim(Turn::Flush);
            if !self.fits(record) {
                system::exit(3);
            }
        }
    }

    fn fits(&mut self, record: &Record<'_>) -> bool {
        let used = self.outlet_used;
        let size = self.ring.outlet().get_mut(used..).and_then(|rest| record.encode(rest));
        self.outlet_used += size.unwrap_or(0);
        // The host takes whole records also where the sim ends before it hands the turn over.
        self.ring.control.outlet_bytes.store(self.outlet_used as u32, Release);
        size.is_some()
    }
}

/// The host function that a sim's call of the gate comes to; its answer in all of the register.
pub(crate) unsafe extern "C" fn answer(arguments: *const Arguments) -> u64 {
    // SAFETY: the trampoline hands over what it has just written; the sim is set before it runs,
    // and has called, so that nothing else reaches it now.
    let answer = unsafe { (*SIM.load(Relaxed)).answer(&*arguments) };
    u64::from(answer as u32)
}

/// # Safety
///
/// The sim is there for good, and nothing else refers to it.
unsafe fn call(sim: *mut Sim) -> Request {
    // SAFETY: as the caller's; the reference is gone before the sim runs.
    let (phase, entry, arguments, stack_end) = unsafe { (*sim).begin() };
    // SAFETY: the host names addresses in the image, which is mapped.
    let returned = unsafe { trampoline::enter(entry, arguments, stack_end) };
    // SAFETY: the sim has returned.
    unsafe { (*sim).end(phase, returned) }
}

impl Sim {
    fn begin(&mut self) -> (Phase, u64, [u64; 2], u64) {
        let control = self.ring.control;
        let phase = Phase::ALL.get(control.phase.load(Relaxed) as usize);
        let phase = *phase.unwrap_or_else(|| system::exit(3));
        self.prompt = Prompt::begin(phase, self.limits);
        let [first, second] = &control.arguments;
        let arguments = [first.load(Relaxed), second.load(Relaxed)];
        (phase, control.entry.load(Relaxed), arguments, self.stack_end)
    }

    /// Only a digest has 64 bits; of the others' result, the upper half of the register is nothing.
    fn end(&mut self, phase: Phase, returned: i64) -> Request {
        let result = if phase == Phase::Hash { returned } else { i64::from(returned as i32) };
        self.ring.control.returned.store(result, Relaxed);
        self.hand_over(Turn::Returned)
    }
}

/// The call, if it is one that a cell answers. What a sim gives as 32 bits may have anything in the
/// upper half of its register.
fn call_of(arguments: &Arguments) -> Option<Call> {
    let [a, b, c, d, ..] = arguments.integers;
    Some(match arguments.function as u32 {
        places::LOG => Call::Log { level: a as u32, ptr: offset(b), len: c as u32 },
        places::EVENT_PEEK => Call::EventPeek,
        places::EVENT_NEXT => Call::EventNext { ptr: offset(a), cap: b as u32 },
        places::SEND => {
            let (player, flags) = (PlayerId(a as u32), d as u32);
            Call::Send { player, ptr: offset(b), len: c as u32, flags }
        }
        places::BROADCAST => Call::Broadcast { ptr: offset(a), len: b as u32, flags: c as u32 },
        places::KICK => Call::Kick { player: PlayerId(a as u32), reason: b as i32 },
        places::RESULT => Call::Result { ptr: offset(a), len: b as u32 },
        _ => return None,
    })
}

/// The arguments of a call that the host answers, in their order.
fn asked(arguments: &Arguments) -> [u64; 7] {
    let low = |value: u64| u64::from(value as u32);
    let ptr = |value: u64| u64::from(offset(value));
    let all = &arguments.integers;
    match arguments.function as u32 {
        // The method, and then pointers and lengths by turns.
        places::HTTP_REQUEST => {
            array::from_fn(|at| if at % 2 == 1 { ptr(all[at]) } else { low(all[at]) })
        }
        places::GAUGE => [ptr(all[0]), low(all[1]), arguments.double, 0, 0, 0, 0],
        _ => [ptr(all[0]), low(all[1]), 0, 0, 0, 0, 0],
    }
}

/// The pointer and length of a call that has them.
fn range(call: &Call) -> (u32, u32) {
    match *call {
        Call::Log { ptr, len, .. }
        | Call::Send { ptr, len, .. }
        | Call::Broadcast { ptr, len, .. }
        | Call::Result { ptr, len }
        | Call::EventNext { ptr, cap: len } => (ptr, len),
        _ => (0, 0),
    }
}

/// An address as an offset in the image; one outside of it as an offset that no image has.
fn offset(address: u64) -> u32 {
    address.checked_sub(IMAGE_BASE).and_then(|it| it.try_into().ok()).unwrap_or(u32::MAX)
}

fn pointer(offset: u32) -> *mut u8 {
    ptr::with_exposed_provenance_mut((IMAGE_BASE + u64::from(offset)) as usize)
}

/// Whether the players, ascending, have this one among them.
fn contains(players: &[u8], player: PlayerId) -> bool {
    let (players, _) = players.as_chunks();
    players.binary_search_by_key(&player.0, |id: &[u8; 4]| u32::from_le_bytes(*id)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(function: u32, integers: [u64; 7]) -> Arguments {
        Arguments { function: function.into(), integers, double: 0 }
    }

    #[test]
    fn addresses_are_offsets_and_those_outside_are_none() {
        for (address, expected) in [
            (IMAGE_BASE, 0),
            (IMAGE_BASE + 77, 77),
            (IMAGE_BASE + (1 << 32) - 1, u32::MAX),
            (IMAGE_BASE + (1 << 32), u32::MAX),
            (IMAGE_BASE - 1, u32::MAX),
            (0, u32::MAX),
            (u64::MAX, u32::MAX),
        ] {
            assert_eq!(offset(address), expected, "{address:#x}");
        }
    }

    #[test]
    fn what_is_left_in_the_upper_half_of_a_register_is_nothing() {
        let dirty = |low: u64| low | 0xdead_beef_0000_0000;
        let send = [dirty(7), IMAGE_BASE + 8, dirty(9), dirty(1), 0, 0, 0];
        let call = Call::Send { player: PlayerId(7), ptr: 8, len: 9, flags: 1 };
        assert_eq!(call_of(&arguments(places::SEND, send)), Some(call));
        let kick = [dirty(7), dirty(u64::from(u32::MAX)), 0, 0, 0, 0, 0];
        let call = Call::Kick { player: PlayerId(7), reason: -1 };
        assert_eq!(call_of(&arguments(places::KICK, kick)), Some(call));
        let gauge = [IMAGE_BASE + 1, dirty(2), 3, 4, 5, 6, 7];
        assert_eq!(call_of(&arguments(places::GAUGE, gauge)), None);
        assert_eq!(asked(&arguments(places::GAUGE, gauge)), [1, 2, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn players_are_found_among_those_ascending() {
        let bytes: Vec<u8> = [2u32, 5, 0x100].into_iter().flat_map(u32::to_le_bytes).collect();
        for (player, expected) in [(2, true), (5, true), (0x100, true), (0, false), (6, false)] {
            assert_eq!(contains(&bytes, PlayerId(player)), expected, "{player}");
        }
        assert!(!contains(&[], PlayerId(2)));
    }
}
