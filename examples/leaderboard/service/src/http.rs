//! The service's routes, what a request may be at most, and a line on the output for each one.
//! Never keeps anything itself.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::board::{Board, Posted, Score};

/// A score is far smaller.
const BODY_BYTES: usize = 1024;
const TIME_OUT: Duration = Duration::from_secs(5);
const AT_ONCE: usize = 64;

type Shared = Arc<Mutex<Board>>;

/// `POST /scores` with an `idempotency-key`, and `GET /scores`.
pub fn routes(board: Board) -> Router {
    Router::new()
        .route("/scores", get(top).post(post))
        .with_state(Arc::new(Mutex::new(board)))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, TIME_OUT))
        .layer(GlobalConcurrencyLimitLayer::new(AT_ONCE))
        .layer(from_fn(told))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Top {
    scores: Vec<Score>,
}

async fn top(State(board): State<Shared>) -> Json<Top> {
    let board = board.lock().unwrap_or_else(PoisonError::into_inner);
    Json(Top { scores: board.top().to_vec() })
}

/// 201 for a new score, 200 for one that is known, 4xx in words for anything else.
async fn post(
    State(board): State<Shared>,
    headers: HeaderMap,
    score: Result<Json<Score>, JsonRejection>,
) -> Response {
    let Json(score) = match score {
        Ok(score) => score,
        Err(rejection) => return rejection.into_response(),
    };
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or("");
    let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
    match board.post(key, score) {
        Ok(Posted::New) => StatusCode::CREATED.into_response(),
        Ok(Posted::Known) => StatusCode::OK.into_response(),
        Err(refused) => (StatusCode::BAD_REQUEST, refused.to_string()).into_response(),
    }
}

/// Prints what was asked, how it was answered, and for which game the platform says it was.
async fn told(request: Request, next: Next) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let game = request.headers().get("x-lattice-game").cloned();
    let response = next.run(request).await;
    // A header's Debug form is quoted and escaped: nobody forges a line.
    let game = game.map_or_else(|| "none".to_owned(), |game| format!("{game:?}"));
    println!("{asked} {} x-lattice-game: {game}", response.status().as_u16());
    response
}
