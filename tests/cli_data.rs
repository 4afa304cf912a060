//! `lattice token`, `audit` and `backup`: the operator with the data folder, beside a server that
//! runs, or without one.

use std::{path::Path, process::Command};

use crate::{
    app::{App, lattice},
    cli::{Said, run},
    sims,
};

fn on(data: &Path, args: &[&str]) -> Said {
    run(lattice().args(args).arg("--data").arg(data))
}

#[tokio::test]
async fn a_lost_token_is_no_loss() {
    let mut app = App::start().await;
    app.make_game(&app.token).await;
    app.stop();
    // The only token is lost, and the server is down.
    let made = on(app.data(), &["token", "create", "--subject", "admin", "--role", "super-admin"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(made.stdout.trim_end().len(), 47, "the secret and nothing else: {}", made.stdout);
    assert!(!made.stderr.contains("lat_"), "{}", made.stderr);
    app.token = made.stdout.trim_end().to_owned();
    app.restart().await;
    let games = app.get("/games").send().await.expect(200);
    assert_eq!(games["Items"][0]["Owner"], "admin", "the game was the subject's, and still is");
}

#[tokio::test]
async fn tokens_come_and_go_while_the_server_runs() {
    let app = App::start().await;
    let wish = ["token", "create", "--subject", "eve", "--role", "viewer", "--expires-in", "1h"];
    let eve = on(app.data(), &wish).stdout.trim_end().to_owned();
    app.get("/games").token(&eve).send().await.expect(200);
    let list = on(app.data(), &["token", "list"]).stdout;
    let row = list.lines().find(|row| row.contains("  eve  ")).expect(&list);
    assert!(row.contains("viewer") && !list.contains(&eve), "{list}");

    let id = row.split(' ').next().unwrap();
    assert_eq!(on(app.data(), &["token", "delete", id]).code, 0);
    app.get("/games").token(&eve).send().await.expect(401);
    on(app.data(), &["token", "delete", id]).failed(1, &[id]);
    let audit = on(app.data(), &["audit", "list", "--json"]).stdout;
    let acts: Vec<serde_json::Value> =
        audit.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert_eq!(acts[0]["Action"], "token.delete");
    assert_eq!([&acts[0]["Subject"], &acts[1]["Subject"]], ["operator", "operator"]);
    assert!(!audit.contains(&eve));
}

#[tokio::test]
async fn a_backup_taken_while_matches_run_is_whole() {
    let app = App::start().await;
    let (_, id) = app.running_match(&sims::idle()).await;
    let copy = app.data().join("copy");
    std::fs::create_dir(&copy).unwrap();
    let file = copy.join("lattice.sqlite");
    let backup = || run(lattice().arg("backup").arg(&file).arg("--data").arg(app.data()));
    assert_eq!(backup().code, 0);
    backup().failed(1, &["there already"]);
    app.until(&id, |found| found["State"] == "running").await;

    let verified = on(&copy, &["audit", "verify"]);
    assert!(verified.stdout.starts_with("whole: "), "{}{}", verified.stdout, verified.stderr);
    let (mut child, origin) = serve_on(&copy);
    let found =
        run(lattice()
            .args(["match", "show", &id, "--json", "--url", &origin, "--token", &app.token]));
    let found: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found["State"], "running", "the copy has the match, and brings it back");
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(child.wait().unwrap().success());
}

/// A second server on a restored folder; its tokens are those of the first.
fn serve_on(data: &Path) -> (std::process::Child, String) {
    use std::io::BufRead;
    let mut command = crate::app::serve(data, "");
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let origin = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
    (child, origin.unwrap())
}

#[test]
fn a_folder_without_a_database_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["audit", "verify"][..], &["token", "list"], &["backup", "copy.sqlite"]] {
        on(folder.path(), args).failed(1, &["no database", "lattice serve"]);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
