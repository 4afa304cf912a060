//! Gauges: named figures that the developer of a sim sees live.

use lattice_policies::{Code, policy::MatchLimits};

/// A figure by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge {
    pub name: String,
    pub value: f64,
}

/// Gauges as of the last tick that ended well, and what the running tick sets.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    committed: Vec<Gauge>,
    staged: Vec<Gauge>,
}

impl Gauges {
    pub(crate) fn committed(&self) -> &[Gauge] {
        &self.committed
    }

    pub(crate) fn set(
        &mut self,
        name: &[u8],
        value: f64,
        limits: &MatchLimits,
    ) -> Result<(), Code> {
        if name.len() > limits.gauge_name_bytes as usize {
            return Err(Code::TooLarge);
        }
        let name = std::str::from_utf8(name).map_err(|_| Code::Invalid)?;
        if name.is_empty() {
            return Err(Code::Invalid);
        }
        if let Some(gauge) = find(&mut self.staged, name) {
            gauge.value = value;
            return Ok(());
        }
        if find(&mut self.committed, name).is_none() && self.count() >= limits.gauges as usize {
            return Err(Code::QueueFull);
        }
        self.staged.push(Gauge { name: name.to_owned(), value });
        Ok(())
    }

    /// Makes what the tick set visible; says whether anything was set.
    pub(crate) fn commit(&mut self) -> bool {
        let any = !self.staged.is_empty();
        for gauge in self.staged.drain(..) {
            match find(&mut self.committed, &gauge.name) {
                Some(known) => known.value = gauge.value,
                None => self.committed.push(gauge),
            }
        }
        any
    }

    pub(crate) fn discard(&mut self) {
        self.staged.clear();
    }

    /// Names in use; those that only the running tick set are counted too.
    fn count(&self) -> usize {
        let is_new = |gauge: &&Gauge| self.committed.iter().all(|known| known.name != gauge.name);
        self.committed.len() + self.staged.iter().filter(is_new).count()
    }
}

fn find<'a>(gauges: &'a mut [Gauge], name: &str) -> Option<&'a mut Gauge> {
    gauges.iter_mut().find(|gauge| gauge.name == name)
}
