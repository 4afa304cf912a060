//! `lattice scan`: offline, what the console would say, to the letter.

use std::{path::Path, process::Command};

use serde_json::{Map, Value, json};

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

/// What a header would declare, and the exports of a sim.
const NATIVE: &str = r#"
    #define EXPORT __attribute__((visibility("default")))
    void lattice_ms_log(int level, const char *text, int length);
    EXPORT void lattice_abi_v1(void) {}
    EXPORT int lattice_sim_init(long long seed, int tick_hz) { return 0; }
    EXPORT int lattice_sim_tick(long long tick) { lattice_ms_log(2, "tick", 4); return 0; }
"#;

/// A shared object of that source, linked by these flags too.
fn shared_object(folder: &Path, source: &str, flags: &[&str]) -> Vec<u8> {
    let (file, made) = (folder.join("game_sim.c"), folder.join("game_sim.so"));
    std::fs::write(&file, source).unwrap();
    let mut clang = Command::new("clang");
    clang.args(["--target=x86_64-linux-gnu", "-shared", "-nostdlib", "-fPIC", "-O2"]).args(flags);
    let clang = clang.arg("-o").arg(&made).arg(&file).output().unwrap();
    assert!(clang.status.success(), "{}", String::from_utf8_lossy(&clang.stderr));
    std::fs::read(made).unwrap()
}

#[test]
fn a_shared_object_is_scanned_as_what_it_is_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let good = shared_object(folder.path(), NATIVE, &[]);
    let admitted = scan(folder.path(), &good, &["--json"]);
    assert_eq!((admitted.code, &*admitted.stderr), (0, ""));
    let answer = object(admitted.stdout.as_bytes());
    assert_eq!(answer["Admitted"], true);
    assert_eq!(answer["Imports"], json!(["lattice_ms_log"]));
    assert_eq!(answer["Size"], good.len());
    let said = scan(folder.path(), &good, &[]).stdout;
    assert!(said.starts_with("admitted\n") && said.contains("imports  lattice_ms_log"), "{said}");

    let source = NATIVE.replace("int lattice_sim_init", "int printf(const char *, ...);\nint init")
        + "EXPORT void hello(int n) { printf(\"%d\", n); }";
    let bad = shared_object(folder.path(), &source, &["-lc", "-Wl,-z,execstack"]);
    let refused = scan(folder.path(), &bad, &[]);
    assert_eq!(refused.code, 1);
    for text in [
        "refused\n",
        "IMPORT_NOT_ALLOWED  printf",
        "hint: there is no console",
        "ELF_NEEDED  libc.so.6",
        "hint: link with -nostdlib",
        "ELF_WRITE_EXECUTE  it asks for a stack",
        "EXPORT_MISSING  lattice_sim_init",
    ] {
        assert!(refused.stdout.contains(text), "{text:?} is not in {}", refused.stdout);
    }
    let refused = scan(folder.path(), &bad, &["--json"]);
    let answer = object(refused.stdout.as_bytes());
    assert_eq!((&answer["Admitted"], &answer["ReasonsTotal"]), (&json!(false), &json!(4)));

    // A wasm module is not taken for one, and the policy's limits hold for both.
    assert!(!scan(folder.path(), &sims::tampered(), &[]).stdout.contains("ELF_"));
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "[native]\nsymbols = 4\nrelocations = 0\n").unwrap();
    let limited = scan(folder.path(), &good, &["--policy", policy.to_str().unwrap()]);
    for code in ["LIMIT_SYMBOLS", "LIMIT_RELOCATIONS"] {
        assert!(limited.stdout.contains(code), "{}", limited.stdout);
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
