//! The barriers around the processes of native matches: how they stand in a match's row and in the
//! audit. Never decides which are enough.

use lattice_policies::{MatchId, isolation::Isolation};
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

use crate::{
    Actor, Store, StoreError,
    columns::maybe_parsed,
    matches::{self, audit_match},
};

impl Store {
    /// Keeps what stands around the process of a match that went over to another module, which may be
    /// of another packaging; around wasm, nothing does. Of one that has ended, nothing changes.
    pub fn set_isolation(
        &self,
        id: &MatchId,
        isolation: Option<&Isolation>,
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            let run = matches::must_find(tx, id)?;
            if run.state.has_ended() || run.isolation.as_ref() == isolation {
                return Ok(());
            }
            set(tx, id, isolation)?;
            let detail = json!({ "Isolation": isolation });
            audit_match(tx, &Actor::system(), "match.isolate", (id, &run.game), "ok", detail)
        })
    }
}

/// Keeps what stands around a match's process.
pub(crate) fn set(
    tx: &Connection,
    id: &MatchId,
    isolation: Option<&Isolation>,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE match_run SET isolation = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), isolation.map(text)])?;
    Ok(())
}

/// The detail of an audit row of a match, an object, which tells of its barriers if it has any.
pub(crate) fn told(mut detail: Value, isolation: Option<&Isolation>) -> Value {
    if let Some(isolation) = isolation {
        detail["Isolation"] = json!(isolation);
    }
    detail
}

/// Barriers as a row has them.
pub(crate) fn text(isolation: &Isolation) -> String {
    json!(isolation).to_string()
}

/// The barriers in a match's row.
pub(crate) fn of_row(row: &Row<'_>) -> Result<Option<Isolation>, StoreError> {
    let names: Option<Value> = maybe_parsed(row, "isolation")?;
    let read = names.map(serde_json::from_value).transpose();
    read.map_err(|_| StoreError::Corrupt("a match's isolation names what is no barrier".into()))
}
