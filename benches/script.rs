//! A scripted match: the same events for the sandbox, as the surface takes them, and for the native
//! driver, as bytes.

use std::sync::Arc;

use lattice_surface::{Event, HEADER_BYTES};

/// A match's inputs.
pub(crate) struct Script {
    pub(crate) seed: u64,
    pub(crate) tick_hz: u16,
    pub(crate) config: Arc<[u8]>,
    /// The events of each tick.
    pub(crate) ticks: Vec<Vec<Event>>,
}

impl Script {
    /// The form that `native/driver.c` reads.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.seed.to_le_bytes());
        bytes.extend(u32::from(self.tick_hz).to_le_bytes());
        bytes.extend((self.config.len() as u32).to_le_bytes());
        bytes.extend(&*self.config);
        bytes.extend((self.ticks.len() as u32).to_le_bytes());
        for events in &self.ticks {
            bytes.extend((events.len() as u32).to_le_bytes());
            for event in events {
                put(&mut bytes, event);
            }
        }
        bytes
    }
}

/// An event with its size before it, in the surface's layout.
fn put(bytes: &mut Vec<u8>, event: &Event) {
    let (kind, player, payload) = match event {
        Event::Join { player, about } => (1_u16, player.0, about),
        Event::Message { player, bytes } => (3, player.0, bytes),
        Event::Leave { .. } | Event::Response { .. } | Event::Stop { .. } => {
            panic!("a script has joins and messages alone")
        }
    };
    bytes.extend(((HEADER_BYTES + payload.len()) as u32).to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(player.to_le_bytes());
    bytes.extend([0; 12]);
    bytes.extend(payload);
}
