//! The two blobs of a match: the config it was given, and the result it leaves.

use std::sync::Arc;

use lattice_policies::{Code, policy::MatchLimits};

use crate::GuestMemory;

/// Copies at most `cap` bytes of the config to `ptr`; answers its whole size.
pub(crate) fn read_config(
    config: &Arc<[u8]>,
    memory: &mut GuestMemory<'_>,
    ptr: u32,
    cap: u32,
) -> Result<i32, Code> {
    let target = memory.write(ptr, cap)?;
    let copied = target.len().min(config.len());
    target[..copied].copy_from_slice(&config[..copied]);
    i32::try_from(config.len()).map_err(|_| Code::TooLarge)
}

/// The result as of the last tick that ended well, and what the running tick sets.
#[derive(Debug, Default)]
pub(crate) struct ResultBlob {
    committed: Option<Vec<u8>>,
    staged: Option<Vec<u8>>,
}

impl ResultBlob {
    pub(crate) fn committed(&self) -> Option<&[u8]> {
        self.committed.as_deref()
    }

    pub(crate) fn staged(&self) -> Option<&[u8]> {
        self.staged.as_deref()
    }

    pub(crate) fn set(&mut self, bytes: &[u8], limits: &MatchLimits) -> Result<(), Code> {
        if bytes.len() > limits.result_bytes as usize {
            return Err(Code::TooLarge);
        }
        let staged = self.staged.get_or_insert_default();
        staged.clear();
        staged.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn commit(&mut self) {
        if let Some(staged) = self.staged.take() {
            self.committed = Some(staged);
        }
    }

    pub(crate) fn discard(&mut self) {
        self.staged = None;
    }
}
