//! The surface of one match: its state between the host and the sim, and what each call does.

use std::sync::Arc;

use lattice_policies::{Code, PlayerId, policy::MatchLimits};

use crate::{
    Call, Event, EventQueue, Gauge, GuestMemory, LogBook, Outbox, Phase, Recipient,
    blobs::{ResultBlob, read_config},
    call::Sizes,
    event::QueueFull,
    fetch::{Fetch, Fetches, Refused, SharedRules},
    gauge::Gauges,
    outbox::Roster,
};

/// Everything that crosses between one sim and its host.
///
/// A transport calls [`begin`](Self::begin) before each call into the guest, hands over the
/// events of a tick with [`push`](Self::push), and ends with [`commit`](Self::commit), or with
/// [`discard`](Self::discard) if the call faulted and is void.
pub struct Surface {
    limits: Arc<MatchLimits>,
    config: Arc<[u8]>,
    phase: Phase,
    events: EventQueue,
    roster: Roster,
    outbox: Outbox,
    log: LogBook,
    gauges: Gauges,
    result: ResultBlob,
    fetches: Fetches,
}

impl Surface {
    /// `egress` says what may be fetched, each time that the sim asks.
    pub fn new(limits: Arc<MatchLimits>, config: Arc<[u8]>, egress: Arc<SharedRules>) -> Self {
        Self {
            limits,
            config,
            phase: Phase::Initialize,
            events: EventQueue::default(),
            roster: Roster::new(),
            outbox: Outbox::default(),
            log: LogBook::default(),
            gauges: Gauges::default(),
            result: ResultBlob::default(),
            fetches: Fetches::new(egress),
        }
    }

    /// Opens a call into the guest. Players kicked by the one before leave first.
    pub fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        for at in 0..self.outbox.kicks().len() {
            let kick = self.outbox.kicks()[at];
            // A leave always finds room.
            let _ = self.push(Event::Leave { player: kick.player, reason: kick.reason });
        }
        self.outbox.clear();
    }

    /// Queues an event and takes joins and leaves into account; only a message can be refused.
    pub fn push(&mut self, event: Event) -> Result<(), QueueFull> {
        match event {
            Event::Join { player, .. } => drop(self.roster.insert(player)),
            Event::Leave { player, .. } => drop(self.roster.remove(&player)),
            Event::Message { .. } | Event::Response { .. } | Event::Stop { .. } => {}
        }
        self.events.push(event, &self.limits)
    }

    /// Makes what the guest set visible; says whether a gauge was set.
    pub fn commit(&mut self) -> bool {
        self.result.commit();
        self.gauges.commit()
    }

    /// Forgets what a faulted call queued and set; its log lines stay.
    pub fn discard(&mut self) {
        self.outbox.clear();
        self.result.discard();
        self.gauges.discard();
        self.fetches.discard();
    }

    /// The fetches that the sim asked for since the last look, in the order of its calls. They
    /// leave when the call into the guest has ended well.
    pub fn take_fetches(&mut self) -> Vec<Fetch> {
        self.fetches.take()
    }

    /// The requests that were refused since the last look, counted by their reasons.
    pub fn take_refused(&mut self) -> Vec<Refused> {
        self.fetches.take_refused()
    }

    /// Whether logged joins and leaves say that the player is in the match.
    pub fn has(&self, player: PlayerId) -> bool {
        self.roster.contains(&player)
    }

    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub fn log(&mut self) -> &mut LogBook {
        &mut self.log
    }

    /// The gauges, in the order of their names.
    pub fn gauges(&self) -> Vec<Gauge> {
        self.gauges.committed().collect()
    }

    pub fn result(&self) -> Option<&[u8]> {
        self.result.committed()
    }

    /// Fuel to charge before the call acts.
    pub fn price(&self, call: &Call) -> u64 {
        call.price(&Sizes {
            limits: &self.limits,
            next_event: self.events.next_size(),
            config: self.config.len(),
            players: self.roster.len(),
        })
    }

    /// Does what the call asks; the value is the host function's result (0 where it has none).
    pub fn act(&mut self, call: &Call, memory: &mut [u8]) -> i32 {
        if !self.phase.allows(call) {
            return Code::NotNow.value();
        }
        let mut memory = GuestMemory::new(memory);
        self.dispatch(call, &mut memory).unwrap_or_else(Code::value)
    }

    fn dispatch(&mut self, call: &Call, memory: &mut GuestMemory<'_>) -> Result<i32, Code> {
        match *call {
            Call::Log { level, ptr, len } => Ok(self.write_log(level, ptr, len, memory)),
            Call::EventPeek => Ok(self.events.next_size() as i32),
            Call::EventNext { ptr, cap } => self.events.pull(memory, ptr, cap),
            Call::Send { player, ptr, len, flags } => {
                let message = memory.read(ptr, len)?;
                self.require(player)?;
                self.queue(Recipient::Player(player), message, flags)
            }
            Call::Broadcast { ptr, len, flags } => {
                let message = memory.read(ptr, len)?;
                self.queue(Recipient::Everyone, message, flags)
            }
            Call::Kick { player, reason } => {
                self.require(player)?;
                self.outbox.kick(player, reason);
                Ok(Code::Ok.value())
            }
            Call::HttpRequest(call) => {
                let answered = self.events.responses_pulled();
                self.fetches.request(&call, memory, answered, self.limits.http_in_flight)
            }
            Call::Config { ptr, cap } => read_config(&self.config, memory, ptr, cap),
            Call::Result { ptr, len } => {
                self.result.set(memory.read(ptr, len)?, &self.limits).map(ok)
            }
            Call::Gauge { ptr, len, value } => {
                self.gauges.set(memory.read(ptr, len)?, value, &self.limits).map(ok)
            }
            Call::StateWrite { .. } | Call::StateRead { .. } => Err(Code::NotNow),
        }
    }

    /// A line with a bad pointer is dropped and counted: `log` has no result to say so.
    fn write_log(&mut self, level: u32, ptr: u32, len: u32, memory: &GuestMemory<'_>) -> i32 {
        match memory.read(ptr, len) {
            Ok(text) => self.log.write(level, text, &self.limits),
            Err(_) => self.log.drop_line(),
        }
        Code::Ok.value()
    }

    fn require(&self, player: PlayerId) -> Result<(), Code> {
        if self.has(player) { Ok(()) } else { Err(Code::NoSuchPlayer) }
    }

    fn queue(&mut self, to: Recipient, message: &[u8], flags: u32) -> Result<i32, Code> {
        self.outbox.queue(to, message, flags, &self.limits).map(ok)
    }
}

fn ok((): ()) -> i32 {
    Code::Ok.value()
}
