//! Programs kept ready in memory, so that a match of a module that runs already starts at once.

use std::collections::{BTreeMap, VecDeque};

use lattice_policies::Sha256;

use crate::program::Program;

const KEPT: usize = 128;

/// Programs ready in memory; the oldest goes first.
#[derive(Default)]
pub(crate) struct Programs {
    by_hash: BTreeMap<Sha256, Program>,
    order: VecDeque<Sha256>,
}

impl Programs {
    pub(crate) fn get(&self, sha256: Sha256) -> Option<Program> {
        self.by_hash.get(&sha256).cloned()
    }

    pub(crate) fn keep(&mut self, program: Program) {
        let sha256 = program.sha256();
        if self.by_hash.insert(sha256, program).is_some() {
            return;
        }
        self.order.push_back(sha256);
        if self.order.len() > KEPT {
            let oldest = self.order.pop_front();
            oldest.and_then(|oldest| self.by_hash.remove(&oldest));
        }
    }
}
