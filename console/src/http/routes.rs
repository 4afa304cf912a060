//! Every route there is. What a request passes before it comes here stands in `layers`.

use axum::{
    Router,
    handler::Handler,
    routing::{self, MethodRouter},
};
use http::Method;

use super::{
    audit, egress, error::ApiError, forks, games, gate, health, inputs, inspect, keys, logs,
    matches, modules, openapi, pages, play,
};
use super::{players, receipts, tokens, upgrades};
use crate::app::App;

/// One method of one path.
pub(super) struct Route {
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the API's description"))]
    pub(super) method: Method,
    pub(super) path: &'static str,
    handler: MethodRouter<App>,
}

/// The list, in the order of the API's description.
#[rustfmt::skip]
pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/games", games::create),
        get("/games", games::list),
        get("/games/{game}", games::show),
        put("/games/{game}/gate", gate::put),

        post("/games/{game}/modules", modules::create),
        get("/games/{game}/modules", modules::list),
        put("/games/{game}/modules/{version}", modules::put),
        get("/games/{game}/modules/{version}", modules::show),
        get("/games/{game}/modules/{version}/wasm", modules::wasm),
        get("/games/{game}/modules/{version}/native", modules::native),
        put("/games/{game}/modules/{version}/transcript", gate::transcript),
        get("/games/{game}/modules/{version}/receipt", receipts::of_build),
        post("/games/{game}/modules/{version}/retire", modules::retire),
        post("/games/{game}/modules/{version}/restore", modules::restore),

        get("/games/{game}/egress", egress::show),
        put("/games/{game}/egress", egress::put),

        post("/games/{game}/matches", matches::create),
        get("/games/{game}/matches", matches::list),
        get("/matches/{match}", matches::show),
        delete("/matches/{match}", matches::stop),
        post("/matches/{match}/players", players::create),
        get("/matches/{match}/play", play::play),
        get("/matches/{match}/logs", logs::list),
        get("/matches/{match}/inputs", inputs::show),
        post("/matches/{match}/replay", inputs::create),
        post("/matches/{match}/forks", forks::create),
        get("/matches/{match}/inspect", inspect::show),
        get("/matches/{match}/inspect/diff", inspect::diff::show),
        get("/matches/{match}/receipt", receipts::of_match),
        post("/matches/{match}/upgrade", upgrades::create),

        get("/audit", audit::all),
        get("/audit/heads", audit::heads),
        get("/games/{game}/audit", audit::of_game),

        get("/keys", keys::list),

        post("/tokens", tokens::create),
        get("/tokens", tokens::list),
        delete("/tokens/{token}", tokens::delete),

        get("/", pages::root),
        get("/play/{match}", pages::redirect),
        get("/play/{match}/", pages::index),
        get("/play/{match}/{*file}", pages::file),

        get("/healthz", health::alive),
        get("/readyz", health::ready),
        get("/openapi.json", openapi::document),
    ]
}

/// The list as a router, and what answers a request that is not on it.
pub(super) fn router() -> Router<App> {
    let add = |router: Router<App>, route: Route| router.route(route.path, route.handler);
    routes()
        .into_iter()
        .fold(Router::new(), add)
        .method_not_allowed_fallback(async || ApiError::NoSuchMethod)
        .fallback(async || ApiError::NoSuchPath)
}

fn get<T: 'static>(path: &'static str, handler: impl Handler<T, App>) -> Route {
    Route { method: Method::GET, path, handler: routing::get(handler) }
}

fn post<T: 'static>(path: &'static str, handler: impl Handler<T, App>) -> Route {
    Route { method: Method::POST, path, handler: routing::post(handler) }
}

fn put<T: 'static>(path: &'static str, handler: impl Handler<T, App>) -> Route {
    Route { method: Method::PUT, path, handler: routing::put(handler) }
}

fn delete<T: 'static>(path: &'static str, handler: impl Handler<T, App>) -> Route {
    Route { method: Method::DELETE, path, handler: routing::delete(handler) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `{*file}` is our spelling for the rest of a path; a description knows `{file}` only.
    fn described() -> BTreeSet<(String, String)> {
        let document = serde_json::to_value(openapi::api()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let methods = |(path, item): (&String, &serde_json::Value)| {
            let methods: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
            let path = path.clone();
            methods.into_iter().map(move |method| (method.to_uppercase(), path.clone()))
        };
        paths.iter().flat_map(methods).collect()
    }

    #[test]
    fn every_route_is_described_and_every_description_is_a_route() {
        let routed = routes().into_iter();
        let routed = routed.map(|route| (route.method.to_string(), route.path.replace('*', "")));
        assert_eq!(routed.collect::<BTreeSet<_>>(), described());
    }
}
