//! The surface of one match: its state between the host and the sim, and what each call does.

mod state;

use std::{collections::BTreeSet, sync::Arc};

use lattice_policies::{Code, PlayerId, Sha256, policy::MatchLimits};

use crate::{
    Call, Event, EventQueue, FetchCall, Gauge, GuestMemory, LogBook, Outbox, Phase, Recipient,
    blobs::{ResultBlob, StateBlob, read_config},
    call::Sizes,
    event::QueueFull,
    fetch::{Fetch, Fetches, Refused, SharedRules},
    gauge::Gauges,
    transcript::{Part, Saying, Transcript},
};

pub use state::BadState;

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
    /// The players that logged joins and leaves say are in the match.
    roster: BTreeSet<PlayerId>,
    left: BTreeSet<PlayerId>,
    outbox: Outbox,
    log: LogBook,
    gauges: Gauges,
    result: ResultBlob,
    state: StateBlob,
    fetches: Fetches,
    transcript: Transcript,
}

impl Surface {
    /// `egress` says what may be fetched, each time that the sim asks.
    pub fn new(limits: Arc<MatchLimits>, config: Arc<[u8]>, egress: Arc<SharedRules>) -> Self {
        Self {
            limits,
            config,
            phase: Phase::Initialize,
            events: EventQueue::default(),
            roster: BTreeSet::new(),
            left: BTreeSet::new(),
            outbox: Outbox::default(),
            log: LogBook::default(),
            gauges: Gauges::default(),
            result: ResultBlob::default(),
            state: StateBlob::default(),
            fetches: Fetches::new(egress),
            transcript: Transcript::default(),
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
        self.begin_quotas();
        self.state = StateBlob::default();
        self.transcript.begin(phase != Phase::Initialize && phase != Phase::Init);
    }

    /// Opens a call in which the sim writes its state for another version. What it says is no part
    /// of the match but for its log lines.
    pub fn begin_save(&mut self) {
        self.begin_aside(Phase::Save, StateBlob::default());
    }

    /// What the sim has written since [`begin_save`](Self::begin_save).
    pub fn take_state(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.state).into_bytes()
    }

    /// Opens a call in which the sim reads a state that another version wrote; the next tick goes
    /// on with this surface. What it says is no part of the match but for its log lines.
    pub fn begin_load(&mut self, state: Vec<u8>) {
        self.begin_aside(Phase::Load, StateBlob::to_be_read(state));
    }

    /// Opens a call between two ticks that changes nothing of the match: kicks stay for the tick.
    fn begin_aside(&mut self, phase: Phase, state: StateBlob) {
        self.phase = phase;
        self.begin_quotas();
        self.state = state;
        self.transcript.discard();
    }

    fn begin_quotas(&mut self) {
        self.log.begin();
        self.fetches.begin();
    }

    /// Goes over from a tick that has ended well to the sim's digest of its state.
    pub fn begin_hash(&mut self) {
        self.phase = Phase::Hash;
    }

    /// Writes the digest down as what the tick says last by itself.
    pub fn hash(&mut self, digest: i64) {
        let (low, high) = (digest as u32, (digest as u64 >> 32) as u32);
        self.transcript.say(Saying::Hash, &[Part::Number(low), Part::Number(high)]);
    }

    /// Answers `http_request` in the coming call as a log has it, instead of by rules. To be called
    /// before each call of a replay.
    pub fn replay_codes(&mut self, codes: &[i32]) {
        self.fetches.replay(codes);
    }

    /// Ends a replay: from now on the rules answer requests, and what they allow leaves.
    pub fn go_live(&mut self) {
        self.fetches.go_live();
    }

    /// What `http_request` answered in the last call, in order.
    pub fn codes(&self) -> &[i32] {
        self.fetches.codes()
    }

    /// The transcript's chain after the last call that counts.
    pub fn transcript(&self) -> Sha256 {
        self.transcript.chain()
    }

    /// What the last call said, as the transcript has it; empty if it faulted.
    pub fn said(&self) -> &[u8] {
        self.transcript.said()
    }

    /// Queues an event and takes joins, leaves and responses into account; only a message can be
    /// refused.
    pub fn push(&mut self, event: Event) -> Result<(), QueueFull> {
        match event {
            Event::Join { player, .. } => drop(self.roster.insert(player)),
            Event::Leave { player, .. } => {
                self.roster.remove(&player);
                self.left.insert(player);
            }
            Event::Response { id, .. } => self.fetches.answer(id),
            Event::Message { .. } | Event::Stop { .. } => {}
        }
        self.events.push(event, &self.limits)
    }

    /// Makes what the guest set visible; says whether a gauge was set.
    pub fn commit(&mut self) -> bool {
        if let Some(result) = self.result.staged() {
            self.transcript.say(Saying::Result, &[Part::Bytes(result)]);
        }
        for (name, value) in self.gauges.staged() {
            let bits = value.to_bits().to_le_bytes();
            self.transcript.say(Saying::Gauge, &[Part::Bytes(name.as_bytes()), Part::Bytes(&bits)]);
        }
        self.transcript.commit();
        self.result.commit();
        self.gauges.commit()
    }

    /// Forgets what a faulted call queued and set; its log lines stay.
    pub fn discard(&mut self) {
        self.outbox.clear();
        self.result.discard();
        self.gauges.discard();
        self.fetches.discard();
        self.transcript.discard();
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

    /// The players that logged joins and leaves say are in the match.
    pub fn roster(&self) -> &BTreeSet<PlayerId> {
        &self.roster
    }

    /// The players that were told to leave, or left, since the match began.
    pub fn left(&self) -> &BTreeSet<PlayerId> {
        &self.left
    }

    /// The ids of accepted requests whose response has not been pushed, in the order of the calls.
    pub fn in_flight(&self) -> Vec<u32> {
        self.fetches.unanswered().to_vec()
    }

    /// The events that the sim has not pulled.
    pub fn events(&self) -> &EventQueue {
        &self.events
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
        call.price(&self.sizes())
    }

    /// Bytes that the call moves at most, as things are now: of what it answers in the sim's memory
    /// there is no more.
    pub fn moves(&self, call: &Call) -> u32 {
        call.bytes(&self.sizes())
    }

    fn sizes(&self) -> Sizes<'_> {
        Sizes {
            limits: &self.limits,
            next_event: self.events.next_size(),
            config: self.config.len(),
            state: self.state.left(),
            players: self.roster.len(),
        }
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
                self.outbox.queue(Recipient::Player(player), message, flags, &self.limits)?;
                let parts = [Part::Number(player.0), Part::Number(flags), Part::Bytes(message)];
                Ok(self.said_by(Saying::Send, &parts))
            }
            Call::Broadcast { ptr, len, flags } => {
                let message = memory.read(ptr, len)?;
                self.outbox.queue(Recipient::Everyone, message, flags, &self.limits)?;
                let parts = [Part::Number(flags), Part::Bytes(message)];
                Ok(self.said_by(Saying::Broadcast, &parts))
            }
            Call::Kick { player, reason } => {
                self.require(player)?;
                self.outbox.kick(player, reason);
                let parts = [Part::Number(player.0), Part::Number(reason as u32)];
                Ok(self.said_by(Saying::Kick, &parts))
            }
            Call::HttpRequest(call) => self.request(&call, memory),
            Call::Config { ptr, cap } => read_config(&self.config, memory, ptr, cap),
            Call::Result { ptr, len } => {
                self.result.set(memory.read(ptr, len)?, &self.limits).map(ok)
            }
            Call::Gauge { ptr, len, value } => {
                self.gauges.set(memory.read(ptr, len)?, value, &self.limits).map(ok)
            }
            Call::StateWrite { ptr, len } => {
                self.state.write(memory.read(ptr, len)?, &self.limits).map(ok)
            }
            Call::StateRead { ptr, cap } => self.state.read(memory, ptr, cap),
        }
    }

    /// A line with a bad pointer is dropped and counted: `log` has no result to say so.
    fn write_log(&mut self, level: u32, ptr: u32, len: u32, memory: &GuestMemory<'_>) -> i32 {
        match memory.read(ptr, len) {
            Ok(text) => {
                let kept = self.log.write(level, text, &self.limits);
                if let Some(kept) = kept.filter(|_| self.phase.is_transcribed()) {
                    let parts = [Part::Number(level), Part::Bytes(kept)];
                    self.transcript.say(Saying::Log, &parts);
                }
            }
            Err(_) => self.log.drop_line(),
        }
        Code::Ok.value()
    }

    fn request(&mut self, call: &FetchCall, memory: &GuestMemory<'_>) -> Result<i32, Code> {
        let answered = self.events.responses_pulled();
        let code = self.fetches.request(call, memory, answered, self.limits.http_in_flight)?;
        if code > 0 {
            let bytes = |part: (u32, u32)| memory.read(part.0, part.1).map(Part::Bytes);
            let (id, method) = (Part::Number(code as u32), Part::Number(call.method));
            let parts = [id, method, bytes(call.url)?, bytes(call.headers)?, bytes(call.body)?];
            self.transcript.say(Saying::Request, &parts);
        }
        Ok(code)
    }

    /// Writes down what a call has said that succeeded.
    fn said_by(&mut self, saying: Saying, parts: &[Part<'_>]) -> i32 {
        self.transcript.say(saying, parts);
        Code::Ok.value()
    }

    fn require(&self, player: PlayerId) -> Result<(), Code> {
        if self.has(player) { Ok(()) } else { Err(Code::NoSuchPlayer) }
    }
}

fn ok((): ()) -> i32 {
    Code::Ok.value()
}
