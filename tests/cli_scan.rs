//! `lattice scan`: offline, what the console would say, to the letter.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{
    app::{App, lattice},
    cli::{Said, run},
    sims,
};

/// What the row of a stored build has beyond the verdict.
const BUILD: [&str; 7] =
    ["Game", "Version", "Packaging", "Policy", "Scanner", "UploadedBy", "CreatedAt"];

fn scan(folder: &Path, wasm: &[u8], more: &[&str]) -> Said {
    let file = folder.join("game_sim.wasm");
    std::fs::write(&file, wasm).unwrap();
    run(lattice().arg("scan").arg(file).args(more))
}

fn object(text: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(text).unwrap()
}

#[tokio::test]
async fn scan_and_upload_give_the_same_object() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let two_ways_wrong = wat::parse_str(
        r#"(module (import "env" "lattice_ms_lgo" (func)) (import "wasi" "x" (memory 1)))"#,
    );
    let modules =
        [sims::idle(), sims::puppet(), sims::tampered(), two_ways_wrong.unwrap(), b"MZ".to_vec()];
    let mut refused = 0;
    for (number, wasm) in modules.iter().enumerate() {
        let offline = scan(app.data(), wasm, &["--json"]);
        let answer = app.upload(&game, &format!("1.0.{number}"), wasm).await;
        let mut online = object(&answer.body);
        if answer.status == 201 {
            assert!(BUILD.iter().all(|member| online.remove(*member).is_some()), "{online:?}");
        }
        assert_eq!(object(offline.stdout.as_bytes()), online);
        assert_eq!(offline.code, i32::from(answer.status == 400));
        assert_eq!(offline.stderr, "");
        refused += offline.code;
    }
    assert_eq!(refused, 3, "both verdicts were compared");
}

#[test]
fn a_person_reads_the_verdict_and_every_reason_with_its_hint() {
    let folder = tempfile::tempdir().unwrap();
    let admitted = scan(folder.path(), &sims::puppet(), &[]);
    assert_eq!(admitted.code, 0);
    assert!(admitted.stdout.starts_with("admitted\n  sha256   "), "{}", admitted.stdout);
    assert!(admitted.stdout.contains("lattice_ms_kick"), "{}", admitted.stdout);
    let refused = scan(folder.path(), &sims::tampered(), &[]);
    assert_eq!(refused.code, 1);
    for reason in ["env.system", "env.fd_write", "hint: "] {
        assert!(refused.stdout.contains(reason), "{}", refused.stdout);
    }
}

#[test]
fn what_cannot_be_read_is_2_and_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let missing = run(lattice().arg("scan").arg(folder.path().join("nowhere.wasm")));
    missing.failed(2, &["nowhere.wasm"]);
    let a_folder = run(lattice().arg("scan").arg(folder.path()));
    a_folder.failed(2, &[&*folder.path().to_string_lossy()]);
    assert_eq!(missing.stdout + &a_folder.stdout, "");

    let policy = folder.path().join("policy.toml");
    let with_policy = ["--policy", policy.to_str().unwrap()];
    scan(folder.path(), &sims::idle(), &with_policy).failed(2, &["policy.toml"]);
    std::fs::write(&policy, "[admission]\nmemory_page = 2\n").unwrap();
    let unknown = scan(folder.path(), &sims::idle(), &with_policy);
    unknown.failed(2, &["memory_page", "did you mean `memory_pages`?"]);
}

#[test]
fn the_limits_are_those_of_the_policy_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let sim = sims::padded(200_000);
    assert_eq!(scan(folder.path(), &sim, &[]).code, 0);
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "[admission]\nmemory_pages = 2\n").unwrap();
    let strict = scan(folder.path(), &sim, &["--policy", policy.to_str().unwrap()]);
    assert_eq!(strict.code, 1);
    assert!(strict.stdout.contains("LIMIT_MEMORY"), "{}", strict.stdout);
}
