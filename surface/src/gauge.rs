//! Gauges: named figures that the developer of a sim sees live.

use std::collections::BTreeMap;

use lattice_policies::{Code, policy::MatchLimits};

use crate::codec::{Reader, is_ascending, put_bytes, put_list};

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

    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        let committed: Vec<_> = self.committed().collect();
        put_list(out, committed.iter(), |out, gauge| {
            put_bytes(out, gauge.name.as_bytes());
            out.extend_from_slice(&gauge.value.to_bits().to_le_bytes());
        });
    }

    /// Reads gauges as [`save`](Self::save) writes them.
    pub(crate) fn restore(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        let gauges = from.list(|from| {
            let name = std::str::from_utf8(from.bytes()?).map_err(|_| "a name that is no text")?;
            Ok((Box::<str>::from(name), u64::from_le_bytes(from.array()?)))
        })?;
        let names: Vec<_> = gauges.iter().map(|(name, _)| name).collect();
        if names.first().is_some_and(|name| name.is_empty()) || !is_ascending(&names) {
            return Err("gauges that are not in the order of their names");
        }
        let value = |bits| Value { committed: Some(f64::from_bits(bits)), staged: None };
        let values = gauges.into_iter().map(|(name, bits)| (name, value(bits))).collect();
        Ok(Self { values, any_staged: false })
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
