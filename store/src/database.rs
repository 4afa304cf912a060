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

#[cfg(test)]
mod tests {
    use lattice_policies::GameId;

    use super::*;
    use crate::Actor;

    /// What a write says once the writer has been set up like this; nothing may be left of it.
    fn write_after(setup: impl FnOnce(&Connection, &Path)) -> StoreError {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        setup(&store.writer(), &store.shared.path);
        let id = GameId::from_random([1; 10]);
        let long_name = "x".repeat(100_000);
        let error = store.create_game(&Actor::system(), &id, &long_name, "ada").unwrap_err();

        assert!(!error.to_string().contains('\n'), "{error}");
        assert_eq!(store.game(&id).unwrap(), None);
        assert_eq!(store.verify_audit().unwrap().rows, 0);
        error
    }

    #[test]
    fn every_connection_syncs_each_commit_and_checks_foreign_keys() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for connection in [&*store.writer(), &store.new_reader().unwrap()] {
            let setting = |name: &str| -> i64 {
                connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
            };
            const FULL: i64 = 2;
            assert_eq!((setting("synchronous"), setting("foreign_keys")), (FULL, 1));
        }
        let write = store.new_reader().unwrap().execute("DELETE FROM token", []);
        assert!(matches!(write.map_err(StoreError::from), Err(StoreError::ReadOnly)));
    }

    #[test]
    fn a_full_disk_is_named_and_nothing_is_half_written() {
        let error = write_after(|writer, _| {
            let pages: i64 =
                writer.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
            let most = format!("PRAGMA max_page_count = {}", pages + 2);
            writer.query_row(&most, [], |_| Ok(())).unwrap();
        });
        assert!(matches!(error, StoreError::DiskFull), "{error:?}");
    }

    #[test]
    fn a_database_that_cannot_be_written_is_named() {
        let error =
            write_after(|writer, _| writer.pragma_update(None, "query_only", true).unwrap());
        assert!(matches!(error, StoreError::ReadOnly), "{error:?}");
    }

    #[test]
    fn a_lock_that_is_not_let_go_is_named() {
        let mut other = None;
        let error = write_after(|writer, path| {
            let holder = Connection::open(path).unwrap();
            holder.execute_batch("BEGIN IMMEDIATE").unwrap();
            other = Some(holder);
            writer.busy_timeout(Duration::ZERO).unwrap();
        });
        assert!(matches!(error, StoreError::Busy), "{error:?}");
    }
}
