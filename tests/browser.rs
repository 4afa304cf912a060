//! The arena in a browser: the page opens from its link, a key is pressed, and the canvas shows
//! that the player has moved.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    app::App,
    clang::{compile, project},
    webdriver::Browser,
};

/// The canvas' facts about the own player, in canvas pixels.
const FACTS: &str = "return document.querySelector('canvas').dataset";

/// Keeps all pixels as they are now.
const REMEMBER: &str = "const canvas = document.querySelector('canvas');
    window.before = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);";

/// The mean difference, per colour channel, between the kept pixels and those of now, in a square
/// of 25 pixels around a place.
const CHANGE: &str = "const [x, y] = [...arguments].map(Math.round), side = 25, half = 12;
    const canvas = document.querySelector('canvas');
    const now = canvas.getContext('2d').getImageData(x - half, y - half, side, side).data;
    let sum = 0;
    for (let row = 0; row < side; row++) for (let column = 0; column < side; column++)
        for (let channel = 0; channel < 3; channel++) {
            const old = ((y - half + row) * canvas.width + x - half + column) * 4 + channel;
            sum += Math.abs(now[(row * side + column) * 4 + channel] - window.before.data[old]);
        }
    return sum / (side * side * 3);";

async fn facts(browser: &Browser<'_>, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let facts = browser.run(FACTS, json!([])).await;
        if wanted(&facts) {
            return facts;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn place(facts: &Value) -> [f64; 2] {
    ["x", "y"].map(|axis| facts[axis].as_str().unwrap().parse().unwrap())
}

/// Where the player stands once the page shows the same place for some ticks on end.
async fn at_rest(browser: &Browser<'_>) -> [f64; 2] {
    let alive = |facts: &Value| facts["connected"] == "true" && facts["alive"] == "true";
    let mut seen = facts(browser, alive).await;
    loop {
        let later = facts(browser, |facts| alive(facts) && tick(facts) >= tick(&seen) + 10).await;
        if ["x", "y"].iter().all(|axis| later[axis] == seen[axis]) {
            return place(&later);
        }
        seen = later;
    }
}

fn tick(facts: &Value) -> i64 {
    facts["tick"].as_str().unwrap().parse().unwrap()
}

async fn change(browser: &Browser<'_>, [x, y]: [f64; 2]) -> f64 {
    browser.run(CHANGE, json!([x, y])).await.as_f64().unwrap()
}

#[tokio::test]
async fn a_key_moves_the_player_on_the_canvas() {
    let pages = tempfile::tempdir().unwrap();
    let app = App::with(&format!("pages_dir = {:?}", pages.path())).await;
    let game = app.make_game(&app.token).await;
    app.upload(&game, "1.0.0", &compile("examples/arena/game_sim.cpp")).await.expect(201);
    // A seed whose obstacles leave the player's first way free.
    let id = app.start_match(&game, json!({ "Seed": 7 })).await;
    symlink(project().join("examples/arena/page"), pages.path().join(&game)).unwrap();
    let player = app.post(&format!("/matches/{id}/players"), json!({ "Name": "Ann" }));
    let player = player.send().await.expect(201);

    let browser = Browser::start(&app, 1280, 900).await;
    browser.open(player["Url"].as_str().unwrap()).await;
    let from = at_rest(&browser).await;
    browser.run(REMEMBER, json!([])).await;

    // Towards the middle, where there is room.
    let key = if from[0] < 640.0 { "d" } else { "a" };
    browser.hold(key, 900).await;
    let moved = |facts: &Value| {
        let [x, y] = place(facts);
        facts["alive"] == "true" && (x - from[0]).hypot(y - from[1]) > 40.0
    };
    let to = place(&facts(&browser, moved).await);
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("arena.png");
    fs::write(&picture, browser.screenshot().await).unwrap();
    assert_eq!(to[0] > from[0], key == "d", "from {from:?} to {to:?}");
    for (where_, place) in [("where the player was", from), ("where the player is", to)] {
        let change = change(&browser, place).await;
        assert!(change > 10.0, "{where_}: {change} (see {})", picture.display());
    }
}
