//! Which egress rules hold for a game: what is stored for it, put together with what holds for all
//! games, and given to the fleet. A stored policy that is none any more lets nothing out.
//!
//! Decides on no fetch, and opens no connection.

use lattice_policies::{
    GameId,
    egress::{BadRule, GameEgress, Rules},
    roles::Permit,
};
use lattice_store::{Actor, StoreError, StoredEgress};
use thiserror::Error;

use crate::{
    app::{App, to_its_end},
    http::error::ApiResult,
};

/// What holds for a game.
pub(crate) struct Holding {
    /// `None` if nothing was ever set for this game.
    pub(crate) stored: Option<StoredEgress>,
    pub(crate) rules: Rules,
}

/// Why a game's stored policy no longer holds: the platform's ranges, or its grammar, have changed
/// since it was set, or the row was altered.
#[derive(Debug, Error)]
#[error("the stored egress policy does not hold, and nothing may leave until another is set: {0}")]
pub(crate) struct Unfit(String);

/// Reads what holds for the game.
pub(crate) async fn holding(app: &App, game: &GameId) -> ApiResult<Result<Holding, Unfit>> {
    let id = game.clone();
    let read = app.store(move |store| match store.egress(&id) {
        Err(StoreError::Corrupt(why)) => Ok(Err(Unfit(why))),
        read => read.map(Ok),
    });
    let stored = match read.await? {
        Ok(stored) => stored,
        Err(unfit) => return Ok(Err(unfit)),
    };
    let nothing = GameEgress::default();
    let own = stored.as_ref().map_or(&nothing, |stored| &stored.policy);
    let rules = Rules::new(&app.policy.egress, own).map_err(|bad| Unfit(listed(&bad)));
    Ok(rules.map(|rules| Holding { stored, rules }))
}

/// Gives the fleet the game's rules, before a match of the game starts. A race with a change is
/// harmless: the newer revision stays.
pub(crate) async fn bring_in(app: &App, game: &GameId) -> ApiResult<()> {
    let (revision, rules) = match holding(app, game).await? {
        Ok(Holding { stored, rules }) => (stored.map_or(0, |stored| stored.revision), rules),
        Err(unfit) => {
            tracing::error!(%game, %unfit, "a game may fetch nothing");
            (0, Rules::deny_all())
        }
    };
    app.fleet.egress().set(game, revision, rules);
    Ok(())
}

/// Keeps a game's new policy and lets it take hold, in running matches too.
pub(crate) async fn change(
    app: &App,
    _permit: &Permit,
    actor: Actor,
    game: GameId,
    own: GameEgress,
    rules: Rules,
) -> ApiResult<Holding> {
    let app = app.clone();
    to_its_end(async move {
        let id = game.clone();
        let stored = app.store(move |store| store.set_egress(&actor, &id, &own)).await?;
        app.fleet.egress().set(&game, stored.revision, rules.clone());
        Ok(Holding { stored: Some(stored), rules })
    })
    .await
}

fn listed(bad: &[BadRule]) -> String {
    bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
