//! One attempt at a fetch whose turn has come: the rules once more, then lookup, connection and
//! exchange, each within its time. There is no second attempt.

use std::{future::Future, sync::Arc, time::Duration};

use lattice_policies::egress::EgressPermit;
use tokio::time::timeout;

use super::{
    dial::dial,
    exchange::exchange,
    failure::{Failure, Stage},
    fetcher::{Fetcher, Places},
    gate::{FetchOutcome, Gate},
    record::Trace,
    request,
};

/// Sends what the permit allows, and answers with the response.
pub(super) async fn attempt(
    fetcher: &Fetcher,
    gate: &Gate,
    permit: EgressPermit,
    places: &Arc<Places>,
    trace: &mut Trace,
) -> Result<FetchOutcome, Failure> {
    let permit = permit.renew(&gate.rules().get()).map_err(Failure::Revoked)?;
    let limits = permit.limits();
    let whole = async {
        let line = dial(fetcher, &permit, places, trace);
        let line = within(limits.connect_ms, Stage::Connect, line).await?;
        let request = request::build(&permit, gate.game(), line.protocol)?;
        exchange(line, request, limits, trace).await
    };
    // On the heap, so that a fetch in line is as small as it can be.
    within(limits.whole_ms, Stage::Whole, Box::pin(whole)).await
}

/// What comes of `work`, or that its time is over.
pub(super) async fn within<T>(
    ms: u32,
    stage: Stage,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let ended = timeout(Duration::from_millis(ms.into()), work).await;
    ended.unwrap_or(Err(Failure::Timeout { stage, ms }))
}
