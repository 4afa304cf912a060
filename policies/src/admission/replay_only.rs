//! What a module does that a snapshot does not hold: a snapshot is memory and numeric globals, and
//! a match of such a module can only be replayed from its start. Never speaks against a module.

use wasmparser::{GlobalType, Operator, ValType};

/// In the order in which they are told.
const NAMES: [&str; 8] = [
    "data.drop",
    "elem.drop",
    "table.set",
    "table.grow",
    "table.fill",
    "table.copy",
    "table.init",
    "a mutable global of a reference type",
];

/// A set of [`NAMES`], a bit each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReplayOnly(u8);

impl ReplayOnly {
    /// What an operator changes, if that is in no snapshot.
    pub(super) fn of_operator(operator: &Operator<'_>) -> Self {
        match operator {
            Operator::DataDrop { .. } => Self(1),
            Operator::ElemDrop { .. } => Self(1 << 1),
            Operator::TableSet { .. } => Self(1 << 2),
            Operator::TableGrow { .. } => Self(1 << 3),
            Operator::TableFill { .. } => Self(1 << 4),
            Operator::TableCopy { .. } => Self(1 << 5),
            Operator::TableInit { .. } => Self(1 << 6),
            _ => Self(0),
        }
    }

    pub(super) fn of_global(global: GlobalType) -> Self {
        let is_reference = matches!(global.content_type, ValType::Ref(_));
        Self(u8::from(global.mutable && is_reference) << 7)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Each once.
    pub(super) fn names(self) -> Vec<&'static str> {
        let is_in = |(at, _): &(usize, &str)| self.0 >> at & 1 == 1;
        NAMES.into_iter().enumerate().filter(is_in).map(|(_, name)| name).collect()
    }
}
