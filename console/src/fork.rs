//! Forks: a new match that goes on from where another one stood. Decides from which tick one can,
//! and has it launched; never runs a tick itself.

use lattice_policies::roles::Permit;
use lattice_store::{Actor, Fork, Match};

use crate::{
    app::{App, to_its_end},
    egress,
    http::error::{ApiError, ApiResult},
    launch::{self, Start},
    past::Past,
};

/// Starts a match that goes on from where that one stood before tick `at`; by default from the
/// latest that is known of it, and if it was told to stop, from before that.
pub(crate) async fn fork(
    app: &App,
    _permit: &Permit,
    actor: Actor,
    found: Match,
    at: Option<i64>,
) -> ApiResult<Match> {
    let place = launch::place(app, &found.game)?;
    let past = Past::of(app, found).await?;
    let at = at.unwrap_or_else(|| default_tick(&past));
    if at > past.latest_fork() && at <= past.latest() {
        let last = past.latest_fork();
        let over = format!(
            "the match was over before tick {at}: a fork goes on from tick {last} or an earlier one"
        );
        return Err(ApiError::Conflict(over));
    }
    let moment = past.moment(app, at, None).await?;
    let header = &past.log.header;
    let start = Start {
        game: past.found.game.clone(),
        version: moment.version,
        program: moment.program,
        tick_hz: header.tick_hz,
        seed: header.seed,
        config: header.config.clone(),
        fork: Some((Fork { of: past.found.id.clone(), at }, moment.snapshot)),
    };
    let app = app.clone();
    to_its_end(async move {
        egress::bring_in(&app, &start.game).await?;
        launch::start(&app, actor, place, start).await
    })
    .await
}

fn default_tick(past: &Past) -> i64 {
    let stopped = past.stop_tick().unwrap_or(i64::MAX);
    past.latest_fork().min(stopped)
}
