//! `/openapi.json`: the API's description, made from the handlers' own.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{
    audit, egress, forks, games, gate, health, inputs, inspect, keys, logs, matches, modules,
    pages, play, players, receipts, tokens, upgrades,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lattice",
        description = "Managed hosting of game sims in a WebAssembly sandbox. Names are in \
                       PascalCase; a request's unknown members are refused, and so is what has \
                       another type than described.",
    ),
    paths(
        games::create, games::list, games::show, gate::put,
        modules::create, modules::put, modules::list, modules::show, modules::wasm,
        modules::native, gate::transcript, receipts::of_build, modules::retire, modules::restore,
        egress::show, egress::put,
        matches::create, matches::list, matches::show, matches::stop,
        players::create, play::play, logs::list, inputs::show, inputs::create,
        forks::create, inspect::show, inspect::diff::show, upgrades::create, receipts::of_match,
        audit::all, audit::heads, audit::of_game, keys::list,
        tokens::create, tokens::list, tokens::delete,
        pages::root, pages::redirect, pages::index, pages::file,
        health::alive, health::ready, document,
    ),
    security(("token" = [])),
    modifiers(&SecuritySchemes),
)]
struct Api;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut Document) {
        let bearer = || SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", bearer());
        components.add_security_scheme("player", bearer());
    }
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "health", security(()),
    responses((status = 200, content_type = "application/json")),
)]
pub(crate) async fn document() -> Json<Document> {
    Json(api())
}

pub(super) fn api() -> Document {
    Api::openapi()
}
