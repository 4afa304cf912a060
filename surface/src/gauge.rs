//! Gauges: named figures that the developer of a sim sees live.

use std::collections::BTreeMap;

use lattice_policies::{Code, policy::MatchLimits};

/// A figure by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge {
    pub name: String,
    pub value: f64,
}

/// Gauges by name: each as of the last tick that ended well, and as the running tick sets it.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    values: BTreeMap<Box<str>, Value>,
    any_staged: bool,
}

#[derive(Debug, Default)]
struct Value {
    committed: Option<f64>,
    staged: Option<f64>,
}

impl Gauges {
    /// In the order of their names.
    pub(crate) fn committed(&self) -> impl Iterator<Item = Gauge> {
        self.values.iter().filter_map(|(name, value)| {
            Some(Gauge { name: name.to_string(), value: value.committed? })
        })
    }

    /// What the running tick has set, in the order of the names.
    pub(crate) fn staged(&self) -> impl Iterator<Item = (&str, f64)> {
        let values = self.any_staged.then_some(&self.values).into_iter().flatten();
        values.filter_map(|(name, value)| Some((&**name, value.staged?)))
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
        if !self.values.contains_key(name) && self.values.len() >= limits.gauges as usize {
            return Err(Code::QueueFull);
        }
        self.values.entry(name.into()).or_default().staged = Some(value);
        self.any_staged = true;
        Ok(())
    }

    /// Makes what the tick set visible; says whether anything was set.
    pub(crate) fn commit(&mut self) -> bool {
        let any = std::mem::take(&mut self.any_staged);
        if any {
            for value in self.values.values_mut() {
                value.committed = value.staged.take().or(value.committed);
            }
        }
        any
    }

    pub(crate) fn discard(&mut self) {
        self.any_staged = false;
        self.values.retain(|_, value| {
            value.staged = None;
            value.committed.is_some()
        });
    }
}
