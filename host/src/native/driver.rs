//! The driver of a native sim in a process: the turns of one call. The process is hostile from its
//! first instruction on, and so is all that it leaves in the ring: it is copied out before it is looked
//! at, each length is bounded, and each turn costs fuel.

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use lattice_cell::{Control, IMAGE_BASE, Record, Request, Turn};
use lattice_policies::{isolation::Isolation, policy::MatchLimits};
use lattice_surface::{Call, HEADER_BYTES, Phase, Surface};

use super::{
    asked, copied,
    enclosure::{Enclosure, NativeCall, NativeEnd},
    image::Image,
    library::Library,
};
use crate::guest::Fuel;

/// The other end of a ring, with which the host takes turns.
pub(crate) trait Peer: Send {
    fn isolation(&self) -> &Isolation;
    fn control(&self) -> &Control;
    /// Writes the inlet from its beginning on.
    fn write_inlet(&self, bytes: &[u8]) -> io::Result<()>;
    /// Copies out so many bytes of the outlet, and no more than it has.
    fn read_outlet(&self, bytes: u32, into: &mut Vec<u8>) -> io::Result<()>;
    /// Gives the turn to the peer, and waits until it is the host's again. All that either wrote
    /// before it gave the turn away, the other sees.
    fn turn(&mut self, deadline: Instant) -> Result<Turn, NativeEnd>;
}

/// The sizes of a ring, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RingSizes {
    pub(crate) inlet: u32,
    pub(crate) outlet: u32,
}

/// More than the largest response has, by the ranges of the egress policy's limits.
const RESPONSE_BYTES: u32 = 5 << 20;
/// What of a call's messages and log lines fits into the outlet at most, before a turn is needed.
const MOST_QUEUED: u32 = 8 << 20;
/// Events are handed over in parts of so many bytes: a sim may leave what it does not pull for many
/// ticks, and each time all of it would be copied again.
const AT_ONCE: u32 = 256 << 10;
/// What is kept from call to call of the buffers that copies are made in.
const KEPT_BYTES: usize = 64 << 10;

impl RingSizes {
    /// The inlet has room for all players and the largest event; the outlet for the largest record,
    /// and in one go for what the limits allow a call to say.
    pub(crate) fn of(limits: &MatchLimits) -> Self {
        let event = limits.message_in_bytes.max(limits.event_queue_bytes).max(RESPONSE_BYTES);
        let event = event.saturating_add(HEADER_BYTES as u32);
        let record = limits.message_out_bytes.max(limits.log_record_bytes).max(limits.result_bytes);
        let record = record.saturating_add(1 + Record::size(0) as u32 + 7);
        let records = limits.tick_messages.saturating_mul(Record::size(7) as u32);
        let queued = records
            .saturating_add(limits.tick_message_bytes)
            .saturating_add(limits.log_tick_bytes)
            .min(MOST_QUEUED);
        Self {
            inlet: limits.players.saturating_mul(4).saturating_add(event),
            outlet: record.saturating_add(queued),
        }
    }
}

/// A native sim behind a ring, and its image.
pub(crate) struct Driver<P> {
    peer: P,
    image: Image,
    library: Arc<Library>,
    limits: Arc<MatchLimits>,
    sizes: RingSizes,
    /// What was copied out of the outlet, and what of the sim's memory.
    records: Vec<u8>,
    copy: Vec<u8>,
}

impl<P: Peer> Driver<P> {
    pub(crate) fn new(
        peer: P,
        image: Image,
        library: Arc<Library>,
        limits: Arc<MatchLimits>,
        sizes: RingSizes,
    ) -> Self {
        Self { peer, image, library, limits, sizes, records: Vec::new(), copy: Vec::new() }
    }

    /// Sets the peer's request for its coming turn.
    fn request(&self, request: Request) {
        self.peer.control().request.store(request as u32, Relaxed);
    }

    fn begin(&mut self, call: &NativeCall, surface: &Surface) -> Result<(), NativeEnd> {
        self.fill_inlet(surface)?;
        let control = self.peer.control();
        let phase = Phase::ALL.iter().position(|phase| *phase == call.phase);
        control.phase.store(phase.unwrap_or_default() as u32, Relaxed);
        control.entry.store(IMAGE_BASE + call.function, Relaxed);
        for (to, argument) in control.arguments.iter().zip(call.arguments) {
            to.store(argument, Relaxed);
        }
        self.request(Request::Call);
        Ok(())
    }

    /// Writes the players, and as many events as there is room for.
    fn fill_inlet(&mut self, surface: &Surface) -> Result<(), NativeEnd> {
        let inlet = &mut self.copy;
        inlet.clear();
        for player in surface.roster() {
            inlet.extend_from_slice(&player.0.to_le_bytes());
        }
        let players = inlet.len();
        let mut events = surface.events().iter();
        let mut more = events.next();
        while let Some(event) = more {
            let is_first = inlet.len() == players;
            let room = if is_first { self.sizes.inlet } else { self.sizes.inlet.min(AT_ONCE) };
            if inlet.len() + event.size() > room as usize {
                break;
            }
            event.encode(inlet);
            more = events.next();
        }
        let event_bytes = inlet.len() - players;
        if let Some(event) = more.filter(|_| event_bytes == 0) {
            let size = event.size();
            return Err(NativeEnd::Host(format!(
                "an event of {size} bytes has no room in the ring, whose inlet has {}",
                self.sizes.inlet
            )));
        }
        self.peer.write_inlet(inlet)?;
        let control = self.peer.control();
        control.players.store((players / 4) as u32, Relaxed);
        control.event_bytes.store(event_bytes as u32, Relaxed);
        control.more_events.store(more.is_some().into(), Relaxed);
        Ok(())
    }

    /// Gives the turn away, and takes up what the peer said in it. Of one that has ended, the records
    /// that are whole still count as far as anything of a failed call does: the log lines.
    fn turn(
        &mut self,
        deadline: Instant,
        surface: &mut Surface,
        fuel: &mut Fuel,
    ) -> Result<Turn, NativeEnd> {
        let turn = self.peer.turn(deadline);
        let said = self.take_records(surface, fuel);
        match (turn, said) {
            (Err(_), Err(NativeEnd::Fuel)) => Err(NativeEnd::Fuel),
            (Err(end), _) | (Ok(_), Err(end)) => Err(end),
            (Ok(turn), Ok(records)) => {
                check_use(turn, records)?;
                Ok(turn)
            }
        }
    }

    /// Acts on the records in the outlet, and answers how many there were.
    fn take_records(&mut self, surface: &mut Surface, fuel: &mut Fuel) -> Result<u32, NativeEnd> {
        let control = self.peer.control();
        let bytes = control.outlet_bytes.swap(0, Relaxed);
        if bytes > self.sizes.outlet {
            let outlet = self.sizes.outlet;
            return Err(ring(format!(
                "the outlet has {outlet} bytes, and is said to hold {bytes}"
            )));
        }
        let mut records = std::mem::take(&mut self.records);
        self.peer.read_outlet(bytes, &mut records)?;
        let mut taken = 0;
        for record in Record::read(&records) {
            let record = record.map_err(|error| ring(error.to_string()))?;
            self.take_record(&record, surface, fuel)?;
            taken += 1;
        }
        self.records = emptied(records);
        Ok(taken)
    }

    /// Has the surface act on a call that was answered already: the answer has to be the same.
    fn take_record(
        &mut self,
        record: &Record<'_>,
        surface: &mut Surface,
        fuel: &mut Fuel,
    ) -> Result<(), NativeEnd> {
        let Record { call, answer, bytes } = *record;
        charge(surface, &call, fuel)?;
        let is_in_image = copied::are_in_image(&call, self.library.layout().span);
        let sizes = if is_in_image { copied::looked_at(&call, &self.limits) } else { [0; 3] };
        if bytes.len() != sizes[0] as usize {
            let name = call.function().name;
            let found = bytes.len();
            return Err(ring(format!(
                "a `{name}` has {found} bytes, and should have {}",
                sizes[0]
            )));
        }
        let right = if !is_in_image {
            copied::act_outside(surface, call)
        } else if let Call::EventNext { .. } = call {
            // What is pulled stands in the inlet already; here it only leaves the queue.
            let size = surface.moves(&call);
            let copy = copied::zeroed(&mut self.copy, size);
            copied::act(surface, call, [size, 0, 0], copy)
        } else {
            self.copy.clear();
            self.copy.extend_from_slice(bytes);
            copied::act(surface, call, sizes, &mut self.copy)
        };
        if right == answer {
            return Ok(());
        }
        let name = call.function().name;
        Err(ring(format!("a `{name}` was answered {answer}, and it is {right}")))
    }

    /// Answers what the peer asks for.
    fn answer(&mut self, surface: &mut Surface, fuel: &mut Fuel) -> Result<i32, NativeEnd> {
        let control = self.peer.control();
        let function = control.function.load(Relaxed);
        let arguments = std::array::from_fn(|at| control.asked[at].load(Relaxed));
        let call = asked::call(function, arguments).ok_or_else(|| {
            ring(format!("function {function} is asked for, which no sim has to"))
        })?;
        charge(surface, &call, fuel)?;
        match call {
            Call::Config { ptr, cap } | Call::StateRead { ptr, cap } => {
                self.answer_in_memory(surface, call, ptr, cap)
            }
            _ if copied::are_in_image(&call, self.library.layout().span) => {
                Ok(copied::act_about(surface, call, &self.limits, &self.image, &mut self.copy)?)
            }
            _ => Ok(copied::act_outside(surface, call)),
        }
    }

    /// A call that the surface answers in the sim's memory, where the sim itself may write.
    fn answer_in_memory(
        &mut self,
        surface: &mut Surface,
        call: Call,
        ptr: u32,
        cap: u32,
    ) -> Result<i32, NativeEnd> {
        if !self.library.layout().is_writable(ptr, cap) {
            return Ok(copied::act_outside(surface, call));
        }
        Ok(copied::act_within(surface, call, ptr, &self.image, &mut self.copy)?)
    }

    fn run(
        &mut self,
        call: &NativeCall,
        surface: &mut Surface,
        fuel: &mut Fuel,
    ) -> Result<i64, NativeEnd> {
        self.begin(call, surface)?;
        let mut waiting = surface.events().len();
        loop {
            let turn = self.turn(call.deadline, surface, fuel)?;
            let has_pulled = surface.events().len() < waiting;
            match turn {
                Turn::Returned => return Ok(self.peer.control().returned.load(Relaxed)),
                Turn::Ask => {
                    let answer = self.answer(surface, fuel)?;
                    self.peer.control().answer.store(answer as u32, Relaxed);
                }
                Turn::Events if !has_pulled => {
                    return Err(ring("events are asked for, and none was pulled".to_owned()));
                }
                Turn::Events | Turn::Flush => {}
                Turn::Ready | Turn::Failed => {
                    return Err(ring("the process begins anew".to_owned()));
                }
            }
            if Instant::now() >= call.deadline {
                return Err(NativeEnd::Deadline);
            }
            // The peer goes on with the inlet from its beginning.
            if has_pulled {
                self.fill_inlet(surface)?;
                waiting = surface.events().len();
            }
            self.request(Request::Answer);
        }
    }
}

impl<P: Peer> Enclosure for Driver<P> {
    fn isolation(&self) -> &Isolation {
        self.peer.isolation()
    }

    fn call(
        &mut self,
        call: &NativeCall,
        surface: &mut Surface,
        fuel: &mut Fuel,
    ) -> Result<i64, NativeEnd> {
        let result = self.run(call, surface, fuel);
        self.copy = emptied(std::mem::take(&mut self.copy));
        result
    }

    fn image(&self) -> &Image {
        &self.image
    }
}

/// A turn has to be of use: otherwise a sim could have its host work without paying for it.
fn check_use(turn: Turn, records: u32) -> Result<(), NativeEnd> {
    if turn == Turn::Flush && records == 0 {
        return Err(ring("the outlet is said to be full, and is empty".to_owned()));
    }
    Ok(())
}

/// Takes the call's price off the fuel, before the call acts.
pub(crate) fn charge(surface: &Surface, call: &Call, fuel: &mut Fuel) -> Result<(), NativeEnd> {
    let left = fuel.checked_sub(surface.price(call));
    *fuel = left.unwrap_or(0);
    left.map(drop).ok_or(NativeEnd::Fuel)
}

/// The buffer for the next call, which keeps no more memory than a common one needs.
fn emptied(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
    buffer
}

fn ring(why: String) -> NativeEnd {
    NativeEnd::Ring(why)
}
