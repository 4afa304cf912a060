//! Who may do what: every request, by every role, as a table.

use http::Method;
use serde_json::json;

use crate::{app::App, sims};

/// The columns: the super-admin, the game's owner, a viewer of the owner's, another developer,
/// another viewer, somebody without a token, somebody with a token that is none.
const COLUMNS: [&str; 7] =
    ["super-admin", "owner", "viewer", "stranger", "strange viewer", "nobody", "forger"];

/// Each request with a body, and the status for each column. Bodies are such that nothing changes
/// even where the request is allowed: what is allowed says 2xx, 400, 404 or 409 for its own reasons.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str, [u16; 7])] = &[
    ("POST",   "/games",                              "{}", [400, 400, 403, 400, 403, 401, 401]),
    ("GET",    "/games",                              "",   [200, 200, 200, 200, 200, 401, 401]),
    ("GET",    "/games/{game}",                       "",   [200, 200, 200, 404, 404, 401, 401]),
    ("POST",   "/games/{game}/modules",               "{}", [400, 400, 403, 403, 403, 401, 401]),
    ("PUT",    "/games/{game}/modules/x",             "",   [400, 400, 403, 403, 403, 401, 401]),
    ("GET",    "/games/{game}/modules",               "",   [200, 200, 200, 404, 404, 401, 401]),
    ("GET",    "/games/{game}/modules/1.0.0",         "",   [200, 200, 200, 404, 404, 401, 401]),
    ("GET",    "/games/{game}/modules/1.0.0/wasm",    "",   [200, 200, 200, 404, 404, 401, 401]),
    ("GET",    "/games/{game}/modules/1.0.0/native",  "",   [404, 404, 404, 404, 404, 401, 401]),
    ("GET",    "/games/{game}/modules/1.0.0/receipt", "",   [200, 200, 200, 404, 404, 401, 401]),
    ("PUT",    "/games/{game}/modules/1.0.0/transcript", "", [400, 400, 403, 403, 403, 401, 401]),
    ("POST",   "/games/{game}/modules/9.0.0/retire",  "",   [404, 404, 403, 403, 403, 401, 401]),
    ("POST",   "/games/{game}/modules/9.0.0/restore", "",   [404, 404, 403, 403, 403, 401, 401]),
    ("GET",    "/games/{game}/egress",                "",   [200, 200, 200, 404, 404, 401, 401]),
    ("PUT",    "/games/{game}/egress",                "[]", [400, 403, 403, 403, 403, 401, 401]),
    ("PUT",    "/games/{game}/gate",                  "{}", [400, 400, 403, 403, 403, 401, 401]),
    ("POST",   "/games/{game}/matches",               "[]", [400, 400, 403, 403, 403, 401, 401]),
    ("GET",    "/games/{game}/matches",               "",   [200, 200, 200, 404, 404, 401, 401]),
    ("GET",    "/matches/{match}",                    "",   [200, 200, 200, 404, 404, 401, 401]),
    ("POST",   "/matches/{match}/players",            "[]", [400, 400, 403, 403, 403, 401, 401]),
    ("GET",    "/matches/{match}/logs",               "",   [200, 200, 200, 404, 404, 401, 401]),
    ("GET",    "/matches/{match}/inputs",             "",   [200, 200, 200, 404, 404, 401, 401]),
    ("POST",   "/matches/{match}/replay",             "[]", [400, 400, 403, 404, 404, 401, 401]),
    ("POST",   "/matches/{match}/upgrade",            "{}", [400, 400, 403, 404, 404, 401, 401]),
    ("POST",   "/matches/{match}/forks",              "[]", [400, 400, 403, 404, 404, 401, 401]),
    ("GET",    "/matches/{match}/inspect",            "",   [200, 200, 403, 404, 404, 401, 401]),
    ("GET",    "/matches/{match}/inspect/diff",       "",   [400, 400, 403, 404, 404, 401, 401]),
    ("GET",    "/matches/{match}/receipt",            "",   [409, 409, 409, 404, 404, 401, 401]),
    ("GET",    "/matches/{match}/play",               "",   [401, 401, 401, 401, 401, 401, 401]),
    ("GET",    "/audit",                              "",   [200, 403, 403, 403, 403, 401, 401]),
    ("GET",    "/audit/heads",                        "",   [200, 403, 403, 403, 403, 401, 401]),
    ("GET",    "/keys",                               "",   [200; 7]),
    ("GET",    "/games/{game}/audit",                 "",   [200, 200, 200, 404, 404, 401, 401]),
    ("POST",   "/tokens",                             "{}", [400, 403, 403, 403, 403, 401, 401]),
    ("GET",    "/tokens",                             "",   [200, 403, 403, 403, 403, 401, 401]),
    ("DELETE", "/tokens/t_0000000000000000",          "",   [404, 403, 403, 403, 403, 401, 401]),
    ("GET",    "/",                                   "",   [200; 7]),
    ("GET",    "/play/{match}",                       "",   [308; 7]),
    ("GET",    "/play/{match}/",                      "",   [200; 7]),
    ("GET",    "/play/{match}/player.js",             "",   [200; 7]),
    ("GET",    "/healthz",                            "",   [200; 7]),
    ("GET",    "/readyz",                             "",   [200; 7]),
    ("GET",    "/openapi.json",                       "",   [200; 7]),
    ("DELETE", "/matches/{match}",                    "",   [202, 202, 403, 403, 403, 401, 401]),
];

#[tokio::test]
async fn every_request_by_every_role() {
    let app = App::start().await;
    let owner = app.make_token("ada", "developer").await;
    let tokens = [
        app.token.clone(),
        owner.clone(),
        app.make_token("ada", "viewer").await,
        app.make_token("eve", "developer").await,
        app.make_token("eve", "viewer").await,
        String::new(),
        "lat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
    ];
    let game = app.make_game(&owner).await;
    app.upload(&game, "1.0.0", &sims::idle()).await.expect(201);

    let shared = app.start_match(&game, json!({})).await;
    for (method, path, body, statuses) in TABLE {
        for ((column, token), expected) in COLUMNS.iter().zip(&tokens).zip(statuses) {
            let ends = *method == "DELETE" && path.starts_with("/matches");
            let id = if ends { app.start_match(&game, json!({})).await } else { shared.clone() };
            let path = path.replace("{game}", &game).replace("{match}", &id);
            let asked = app.request(method.parse::<Method>().unwrap(), &path).token(token);
            let asked = match *body {
                "" => asked,
                body => asked.header("content-type", "application/json").body(body),
            };
            let answer = asked.send().await;
            assert_eq!(answer.status, *expected, "{method} {path} as {column}: {}", answer.text());
            if *expected == 401 {
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
    }
    let forbidden = TABLE.iter().flat_map(|row| row.3).filter(|status| *status == 403).count();
    let denials = "SELECT count(*) FROM audit_row WHERE outcome = 'denied'";
    assert_eq!(app.count(denials), forbidden as i64, "each denial is on record");
}

/// A route that is missing from the table would be a route without a rule.
#[tokio::test]
async fn the_table_has_every_route() {
    let app = App::start().await;
    let document = app.get("/openapi.json").send().await.expect(200);
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let ruled = TABLE.iter().any(|row| row.0 == method && fits(path, row.1));
            assert!(ruled, "{method} {path} has no rule");
        }
    }
}

/// Whether a request's path is one of the described path's.
fn fits(described: &str, path: &str) -> bool {
    let (described, path) = (described.split('/'), path.split('/'));
    described.clone().count() == path.clone().count()
        && described
            .zip(path)
            .all(|(part, given)| part == given || part.starts_with('{') && !given.is_empty())
}

#[tokio::test]
async fn a_list_of_games_holds_only_those_that_may_be_seen() {
    let app = App::start().await;
    let ada = app.make_token("ada", "developer").await;
    let eve = app.make_token("eve", "developer").await;
    let game = app.make_game(&ada).await;
    let other = app.make_game(&eve).await;
    let listed = async |token: &str| {
        let games = app.get("/games").token(token).send().await.expect(200);
        let ids = games["Items"].as_array().unwrap().iter().map(|game| game["Id"].clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(listed(&ada).await, [game.as_str()]);
    assert_eq!(listed(&eve).await, [other.as_str()]);
    assert_eq!(listed(&app.token).await, [game.as_str(), other.as_str()]);
}
