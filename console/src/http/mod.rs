//! The HTTP API: one file for each family of endpoints, as the paths have them. Handlers parse,
//! call and render; they hold no policy, no SQL and nothing of the sandbox.

pub(crate) mod audit;
mod authority;
mod body;
mod caller;
mod egress;
pub(crate) mod error;
mod forks;
mod games;
mod gate;
mod health;
mod inputs;
mod inspect;
mod keys;
mod layers;
mod list;
mod logs;
mod matches;
mod metrics;
mod modules;
mod openapi;
mod pages;
mod pairs;
mod path;
mod play;
mod players;
mod receipts;
mod routes;
pub(crate) mod text;
mod tokens;
mod upgrades;

use axum::Router;

use crate::app::App;

/// What the public listener serves: the routes within the layers.
pub(crate) fn public(app: &App) -> Router {
    layers::wrap(routes::router(), app).with_state(app.clone())
}

/// What the admin listener serves.
pub(crate) fn admin(app: &App) -> Router {
    metrics::router().with_state(app.clone())
}
