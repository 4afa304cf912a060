//! A request's query as its pairs, in their order.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;

use super::error::ApiError;

/// The pairs of a query; a key may be there more than once.
pub(super) struct Pairs(pub(super) Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(|error| ApiError::value("query", error))?;
        Ok(Self(pairs))
    }
}
