//! The schema's versions: each file brings the one before it to the next, in one transaction.

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// Never changed once released; a later schema is one more file.
const MIGRATIONS: [&str; 9] = [
    include_str!("../migrations/0001_tables.sql"),
    include_str!("../migrations/0002_audit.sql"),
    include_str!("../migrations/0003_views.sql"),
    include_str!("../migrations/0004_egress.sql"),
    include_str!("../migrations/0005_inputs.sql"),
    include_str!("../migrations/0006_resume.sql"),
    include_str!("../migrations/0007_receipts.sql"),
    include_str!("../migrations/0008_gate.sql"),
    include_str!("../migrations/0009_native.sql"),
];

/// The version of the schema that this program speaks.
pub(crate) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// The version of the schema that a database has; 0 for an empty one.
pub(crate) fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Whether the file is this platform's, or still empty.
pub(crate) fn is_ours(connection: &Connection) -> Result<bool, StoreError> {
    const LATT: i64 = 0x4C41_5454;
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(id == LATT || tables == 0)
}

/// Brings a database to the version that this program speaks.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let from = version(connection)?;
    for (version, sql) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > from) {
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", version)?;
        step.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(connection: &Connection) -> Vec<(String, Option<String>)> {
        connection
            .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn a_database_of_any_age_ends_with_the_same_schema() {
        let mut newest = Connection::open_in_memory().unwrap();
        migrate(&mut newest).unwrap();
        assert_eq!(version(&newest).unwrap(), KNOWN);
        assert!(is_ours(&newest).unwrap());
        for age in 1..=MIGRATIONS.len() {
            let mut older = Connection::open_in_memory().unwrap();
            older.execute_batch(&MIGRATIONS[..age].concat()).unwrap();
            older.pragma_update(None, "user_version", age as i64).unwrap();
            migrate(&mut older).unwrap();
            assert_eq!(schema(&older), schema(&newest), "from {age}");
        }
    }

    #[test]
    fn a_migration_that_fails_leaves_the_version_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE audit_head (in_the_way)").unwrap();
        assert!(migrate(&mut connection).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        let halves = schema(&connection).into_iter().filter(|(name, _)| name == "audit_row");
        assert_eq!(halves.count(), 0);
    }
}
