//! The connections: one writer behind a lock, and readers that never wait for it.
//! Knows no table.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::StoreError;

/// Readers that are kept open between reads; more are opened when more read at once.
const IDLE_READERS: usize = 8;
/// How long a write waits for another process that writes, such as `lattice token`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Above the number of statements that the store has.
const CACHED_STATEMENTS: usize = 128;
/// What the write-ahead log's file is cut to once it has been moved into the database, in bytes.
const WAL_BYTES_KEPT: i64 = 64 << 20;

/// The platform's memory. Clones share one database; every method blocks on the disk.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    writer: Mutex<Connection>,
    idle_readers: Mutex<Vec<Connection>>,
    /// Held for as long as the database is open; the last to be dropped.
    _folder: Option<File>,
}

impl Store {
    pub(crate) fn new(path: &Path, writer: Connection, folder: Option<File>) -> Self {
        let shared = Shared {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            idle_readers: Mutex::default(),
            _folder: folder,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Runs a change and its audit row as one transaction: both are kept, or neither.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = change(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    /// Reads the database as it is at one moment, whatever is being written meanwhile.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = lock(&self.shared.idle_readers).pop();
        let mut reader = idle.map_or_else(|| self.new_reader(), Ok)?;
        let moment = reader.transaction()?;
        let value = query(&moment);
        drop(moment);
        let mut idle = lock(&self.shared.idle_readers);
        if idle.len() < IDLE_READERS {
            idle.push(reader);
        }
        value
    }

    /// A connection that can only read.
    pub(crate) fn new_reader(&self) -> Result<Connection, StoreError> {
        connect(&self.shared.path, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// The writer, outside of any transaction. A thread that panicked with it has left nothing
    /// behind: its transaction was rolled back.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Connection> {
        lock(&self.shared.writer)
    }
}

/// A connection with the settings that every one has.
pub(crate) fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    Ok(connection)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
