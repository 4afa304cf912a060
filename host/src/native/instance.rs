//! An instance of a native module: its enclosure, and its surface, which stays with the host.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lattice_policies::isolation::Isolation;
use lattice_surface::Surface;

use super::{
    enclosure::{Enclosure, NativeCall},
    ends,
    library::Library,
    memory,
};
use crate::{
    fault::{Fault, FaultKind},
    guest::{CallLimits, Entry, RestoreError, Returned},
    image::Image,
    snapshot::Snapshot,
};

/// A native sim in its enclosure.
pub(crate) struct Instance {
    enclosure: Box<dyn Enclosure>,
    library: Arc<Library>,
    surface: Surface,
}

impl Instance {
    pub(crate) fn new(
        enclosure: Box<dyn Enclosure>,
        library: &Arc<Library>,
        surface: Surface,
    ) -> Self {
        Self { enclosure, library: Arc::clone(library), surface }
    }

    /// The barriers that stand around it.
    pub(crate) fn isolation(&self) -> &Isolation {
        self.enclosure.isolation()
    }

    pub(crate) fn has(&self, entry: Entry) -> bool {
        !self.library.functions(entry).is_empty()
    }

    pub(crate) fn call(&mut self, entry: Entry, limits: CallLimits) -> Result<Returned, Fault> {
        let Self { enclosure, library, surface } = self;
        let deadline = Instant::now() + Duration::from_millis(limits.deadline_ms);
        let (mut left, mut value) = (limits.fuel, 0);
        for function in library.functions(entry) {
            let (phase, arguments) = (entry.phase(), arguments(entry));
            let call = NativeCall { phase, function, arguments, deadline };
            value = enclosure
                .call(&call, surface, &mut left)
                .map_err(|end| ends::fault(entry.export(), end, library))?;
        }
        Ok(Returned { value, fuel: limits.fuel - left })
    }

    pub(crate) fn image(&self) -> Option<Image> {
        let copied = memory::copy(self.enclosure.image(), self.library.layout());
        copied.inspect_err(|error| tracing::error!(%error, "a native sim can't be copied")).ok()
    }

    /// Takes a fresh instance's memory to where a snapshot has it.
    pub(crate) fn put(&mut self, snapshot: &Snapshot) -> Result<(), RestoreError> {
        let host = |error: std::io::Error| {
            let why = format!("the sim's memory can't be written: {error}");
            RestoreError::Host(Fault::new(FaultKind::Host, "instantiation", why))
        };
        let put = memory::put(self.enclosure.image(), self.library.layout(), snapshot);
        Ok(put.map_err(host)??)
    }

    pub(crate) fn surface(&mut self) -> &mut Surface {
        &mut self.surface
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.enclosure.image().allocated() as usize
    }
}

/// The arguments in their registers, widened.
fn arguments(entry: Entry) -> [u64; 2] {
    match entry {
        Entry::Init { seed, tick_hz } => [seed, tick_hz.into()],
        Entry::Tick(tick) => [tick as u64, 0],
        Entry::Initialize | Entry::Hash | Entry::Shutdown | Entry::Save | Entry::Load => [0; 2],
    }
}
