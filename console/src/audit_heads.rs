//! Signed ends of the audit's chain: made every so often, so that a tail that is cut off later shows.
//! Adds no row to the audit.

use std::time::Duration;

use lattice_store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    app::App,
    receipt::{HostKey, sign_head},
};

/// Signs the chain's end at once, and then whenever it has grown, until it is dropped.
pub(crate) async fn keep_signing(app: App) {
    let mut every = interval(Duration::from_millis(app.config.audit_head_every_ms));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let keys = app.keys.clone();
        if let Err(error) = app.store(move |store| sign(store, &keys.host)).await {
            tracing::error!(%error, "the audit's end is not signed");
        }
    }
}

/// Signs the chain's end, unless it is signed.
pub(crate) fn sign(store: &Store, key: &HostKey) -> Result<(), StoreError> {
    store.put_audit_head(&|head| sign_head(key, head)).map(drop)
}
