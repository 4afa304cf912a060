//! Limits the rate of requests from one address, before anything is looked up for it.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{app::App, http::error::ApiError, network::network};

pub(super) async fn limit(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match app.address_rate.take(&network(peer.ip())) {
        Ok(()) => next.run(request).await,
        Err(wait) => ApiError::TooFast("this address", wait).into_response(),
    }
}
