//! What every request passes before a handler sees it, outermost first.
//! Owns the order; each layer stands in a file of its own and knows none of the others.

mod address_rate;
mod authentication;
mod body_limit;
mod metrics;
mod overload;
mod panic_guard;
mod request_id;
mod subject_share;
mod timeout;
mod token_rate;
mod trace;

use axum::{
    Router,
    error_handling::HandleErrorLayer,
    middleware::{from_fn, from_fn_with_state},
};
use tower::{ServiceBuilder, limit::GlobalConcurrencyLimitLayer, load_shed::LoadShedLayer};
use tower_http::catch_panic::CatchPanicLayer;

pub(crate) use authentication::{Credential, bearer};
pub(crate) use request_id::RequestId;

use crate::app::App;

/// The layer stack. A response's body is not awaited here, so that an event stream or a player's
/// socket, once it is answered, is neither timed nor counted as a request at work.
pub(crate) fn wrap(routes: Router<App>, app: &App) -> Router<App> {
    routes.layer(
        ServiceBuilder::new()
            .layer(from_fn(request_id::assign))
            .layer(from_fn(trace::request))
            .layer(CatchPanicLayer::custom(panic_guard::answer))
            .layer(from_fn_with_state(app.clone(), metrics::observe))
            .layer(HandleErrorLayer::new(overload::answer))
            .layer(LoadShedLayer::new())
            .layer(GlobalConcurrencyLimitLayer::new(app.config.requests_at_once))
            .layer(from_fn_with_state(app.clone(), timeout::cut))
            .layer(from_fn_with_state(app.clone(), body_limit::cut))
            .layer(from_fn_with_state(app.clone(), address_rate::limit))
            .layer(from_fn_with_state(app.clone(), authentication::identify))
            .layer(from_fn_with_state(app.clone(), token_rate::limit))
            .layer(from_fn_with_state(app.clone(), subject_share::limit)),
    )
}
