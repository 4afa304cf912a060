//! Metrics: on their own listener, by route, with the fleet's figures.

use crate::{app::App, sims};

#[tokio::test]
async fn the_admin_listener_has_the_figures_and_the_public_one_has_not() {
    let app = App::start().await;
    let (game, _) = app.running_match(&sims::idle()).await;
    app.upload(&game, "2.0.0", &sims::tampered()).await.expect(400);
    app.get("/metrics").send().await.problem(404, "no-such-path");
    app.get("/nothing/of/the/kind").send().await.expect(404);

    let answer = app.get(&format!("{}/metrics", app.admin_origin)).token("").send().await;
    assert_eq!(answer.status, 200);
    let page = answer.text();
    for line in [
        r#"lattice_http_requests_total{method="POST",route="/games/{game}/modules",status="201"} 1"#,
        r#"lattice_http_requests_total{method="POST",route="/games/{game}/modules",status="400"} 1"#,
        r#"lattice_uploads_total{outcome="admitted"} 1"#,
        r#"lattice_uploads_total{outcome="rejected"} 1"#,
        r#"lattice_upload_stage_seconds_count{stage="scan"} 2"#,
        r#"lattice_upload_stage_seconds_count{stage="compile"} 1"#,
        r#"lattice_upload_stage_seconds_count{stage="commit"} 1"#,
        "lattice_matches 1",
        "lattice_match_slots 256",
        "lattice_fetches_in_flight 0",
        "lattice_fetches_waiting 0",
        r#"lattice_fetches_total{outcome="refused"} 0"#,
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
    assert!(page.contains(r#"route="unmatched",status="404""#));
    assert!(!page.contains(&game) && !page.contains("/nothing"), "no series by what clients say");
    app.get(&format!("{}/games", app.admin_origin)).send().await.expect(404);
}
