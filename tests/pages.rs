//! Pages: a game's own files, the plain page, and nothing else of the machine.

use std::fs;

use crate::{app::App, sims};

#[tokio::test]
async fn a_game_without_a_page_gets_the_plain_one() {
    let app = App::start().await;
    let (_, id) = app.running_match(&sims::idle()).await;
    let moved = app.get(&format!("/play/{id}")).send().await;
    assert_eq!(moved.status, 308);
    assert_eq!(moved.header("location"), format!("/play/{id}/"));
    let page = app.get(&format!("/play/{id}/")).token("").send().await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
    assert!(page.text().contains("player.js"));
    let script = app.get(&format!("/play/{id}/player.js")).send().await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    app.get("/play/m_0000000000000000/").send().await.problem(404, "not-found");
}

#[tokio::test]
async fn a_games_own_page_is_served_from_its_folder_alone() {
    let pages = tempfile::tempdir().unwrap();
    let app = App::with(&format!("pages_dir = {:?}", pages.path())).await;
    let (game, id) = app.running_match(&sims::idle()).await;
    let folder = pages.path().join(&game);
    fs::create_dir_all(folder.join("art")).unwrap();
    fs::write(folder.join("index.html"), "<!doctype html>mine").unwrap();
    fs::write(folder.join("art/ship.svg"), "<svg/>").unwrap();
    fs::write(pages.path().join("secret.txt"), "secret").unwrap();

    let page = async |file: &str| app.get(&format!("/play/{id}/{file}")).send().await;
    assert_eq!(page("").await.text(), "<!doctype html>mine");
    assert_eq!(page("art/ship.svg").await.header("content-type"), "image/svg+xml");
    let level: Vec<u8> = (0..=255).cycle().take((16 << 20) + 1).collect();
    fs::write(folder.join("level.bin"), &level).unwrap();
    let sent = page("level.bin").await;
    assert_eq!(sent.header("content-length"), level.len().to_string());
    assert!(sent.body == level, "a large file comes whole");
    for way_out in [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "art/%2e%2e/%2e%2e/secret.txt",
        "%2fetc%2fpasswd",
    ] {
        let answer = page(way_out).await;
        assert_eq!(answer.status, 404, "{way_out}");
        assert!(!answer.text().contains("root:") && answer.text() != "secret", "{way_out}");
    }
    assert_eq!(page("player.js").await.status, 404, "the plain page is not mixed in");
}
