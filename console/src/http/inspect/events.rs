//! Events as a look into a match shows them.

use lattice_policies::escape::guest_text;
use lattice_surface::{Event, EventQueue, InputLog, TickInputs};
use serde::Serialize;
use utoipa::ToSchema;

/// Events of a list that are shown; the others are only counted.
const EVENTS: usize = 200;
/// Bytes of an event that are shown, and the characters that escapes can make of them.
const EVENT_BYTES: usize = 64;
const EVENT_CHARS: usize = 12 * EVENT_BYTES;

/// Events, in the order in which the sim gets them.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EventsAnswer {
    /// How many there are; 200 at most are shown.
    count: usize,
    events: Vec<EventAnswer>,
}

/// What the sim was told, or is about to be.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EventAnswer {
    /// The tick that got it; absent where none has yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    tick: Option<i64>,
    /// `join`, `leave`, `message`, `response` or `stop`.
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    player: Option<u32>,
    /// The web fetch that a response is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    /// A response's status, the reason of a leave, or the ticks that a stop leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<i32>,
    /// The length of what it carries.
    bytes: usize,
    /// The first 64 of them, in hexadecimal.
    hex: String,
    /// The same as printable ASCII, all else escaped.
    text: String,
}

impl EventsAnswer {
    /// Those that the sim has not pulled.
    pub(super) fn waiting(queue: &EventQueue) -> Self {
        Self::of(queue.iter().map(|event| (None, event)))
    }

    /// Those that came into that tick, and into so many before and behind it.
    pub(super) fn around(log: &InputLog, tick: i64, ticks: i64) -> Self {
        let near = tick - ticks..=tick + ticks;
        let inputs = log.inputs.iter().filter(|inputs| near.contains(&inputs.tick));
        Self::of(inputs.flat_map(told))
    }

    fn of<'a>(all: impl Iterator<Item = (Option<i64>, &'a Event)>) -> Self {
        let mut answer = Self::default();
        for (tick, event) in all {
            answer.count += 1;
            if answer.events.len() < EVENTS {
                answer.events.push(EventAnswer { tick, ..EventAnswer::from(event) });
            }
        }
        answer
    }
}

fn told(inputs: &TickInputs) -> impl Iterator<Item = (Option<i64>, &Event)> {
    inputs.events.iter().map(|event| (Some(inputs.tick), event))
}

impl From<&Event> for EventAnswer {
    fn from(event: &Event) -> Self {
        let (r#type, player, id, status) = match event {
            Event::Join { player, .. } => ("join", Some(player.0), None, None),
            Event::Leave { player, reason } => ("leave", Some(player.0), None, Some(*reason)),
            Event::Message { player, .. } => ("message", Some(player.0), None, None),
            Event::Response { id, status, .. } => ("response", None, Some(*id), Some(*status)),
            Event::Stop { ticks_left } => ("stop", None, None, Some(*ticks_left)),
        };
        let payload = event.payload();
        let first = &payload[..payload.len().min(EVENT_BYTES)];
        let text = guest_text(first, EVENT_CHARS);
        Self { tick: None, r#type, player, id, status, bytes: payload.len(), hex: hex(first), text }
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
