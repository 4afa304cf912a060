//! The blobs of a match: the config it was given, the result it leaves, and the state that one
//! version of a sim saves and another loads.

use std::sync::Arc;

use lattice_policies::{Code, policy::MatchLimits};

use crate::{
    GuestMemory,
    codec::{Reader, put_bytes, put_list},
};

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

    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        put_list(out, self.committed.iter(), |out, result| put_bytes(out, result));
    }

    /// Reads a result as [`save`](Self::save) writes it.
    pub(crate) fn restore(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        let mut results = from.list(Reader::bytes)?;
        let committed = results.pop().map(<[u8]>::to_vec);
        if results.is_empty() { Ok(Self { committed, staged: None }) } else { Err("two results") }
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

/// What the sim writes while it saves, or what is left to be read while it loads.
#[derive(Debug, Default)]
pub(crate) struct StateBlob {
    bytes: Vec<u8>,
    /// How much of it has been read.
    read: usize,
}

impl StateBlob {
    pub(crate) fn to_be_read(bytes: Vec<u8>) -> Self {
        Self { bytes, read: 0 }
    }

    /// What was written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes that have not been read.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.read
    }

    /// Appends all of `bytes`, or nothing where the whole would be over the limit.
    pub(crate) fn write(&mut self, bytes: &[u8], limits: &MatchLimits) -> Result<(), Code> {
        if self.bytes.len() + bytes.len() > limits.state_blob_bytes as usize {
            return Err(Code::TooLarge);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Copies at most `cap` of the bytes that are left to `ptr`; answers how many.
    pub(crate) fn read(
        &mut self,
        memory: &mut GuestMemory<'_>,
        ptr: u32,
        cap: u32,
    ) -> Result<i32, Code> {
        let target = memory.write(ptr, cap)?;
        let copied = target.len().min(self.left());
        let end = self.read + copied;
        target[..copied].copy_from_slice(&self.bytes[self.read..end]);
        self.read = end;
        i32::try_from(copied).map_err(|_| Code::TooLarge)
    }
}
