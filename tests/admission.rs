//! The whole corpus of modules through the real door: each gets its verdict, and of a refused one
//! nothing is kept but a line of audit.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{app::App, sims};

struct Case {
    file: String,
    admitted: bool,
    code: String,
    wasm: Vec<u8>,
}

fn corpus() -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/admission");
    let index = fs::read_to_string(folder.join("index.tsv")).unwrap();
    let case = |line: &str| {
        let [file, verdict, code] = line.split('\t').take(3).collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let bytes = fs::read(folder.join(file)).unwrap();
        let wasm = if Path::new(file).extension().is_some_and(|kind| kind == "wat") {
            wat::parse_bytes(&bytes).unwrap().into_owned()
        } else {
            bytes
        };
        Case { file: file.into(), admitted: verdict != "REJECT", code: code.into(), wasm }
    };
    index.lines().skip(1).map(case).collect()
}

#[tokio::test]
async fn every_module_of_the_corpus_gets_its_verdict_and_a_refused_one_leaves_a_line_of_audit() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let cases = corpus();
    assert!(cases.len() > 80, "the corpus is there");
    for (n, case) in cases.iter().enumerate() {
        let before = app.kept();
        let answer = app.upload(&game, &format!("1.0.{n}"), &case.wasm).await;
        let after = app.kept();
        if case.admitted {
            assert_eq!(answer.expect(201)["Admitted"], true, "{}", case.file);
            assert_eq!(after[0], before[0] + 1, "{}: a build is kept", case.file);
            continue;
        }
        let refusal = answer.expect(400);
        assert_eq!(refusal["Admitted"], false, "{}", case.file);
        assert_eq!(refusal["Schedulable"], false, "{}", case.file);
        let reasons = refusal["Reasons"].as_array().unwrap();
        let named =
            reasons.iter().any(|reason| case.code.split('|').any(|code| reason["Code"] == code));
        assert!(named, "{}: {} is not among {reasons:?}", case.file, case.code);
        let [builds, blobs, matches, tokens, games, audit] = before;
        assert_eq!(after, [builds, blobs, matches, tokens, games, audit + 1], "{}", case.file);
    }
    let rejections = app.count("SELECT count(*) FROM rejections");
    assert_eq!(rejections, cases.iter().filter(|case| !case.admitted).count() as i64);
}

#[tokio::test]
async fn a_tampered_module_is_refused_with_its_imports_named_and_stays_unknown() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let answer = app.upload(&game, "1.0.0", &sims::tampered()).await;
    answer.problem(400, "module-refused");
    let refusal = answer.json();
    let details: Vec<_> =
        refusal["Reasons"].as_array().unwrap().iter().map(|reason| &reason["Detail"]).collect();
    assert_eq!(details, ["env.system", "env.fd_write"]);
    assert_eq!(refusal["ReasonsTotal"], 2);
    assert_eq!(refusal["Sha256"].as_str().unwrap().len(), 64);

    app.get(&format!("/games/{game}/modules/1.0.0")).send().await.problem(404, "not-found");
    let start = app.post(&format!("/games/{game}/matches"), serde_json::json!({}));
    start.send().await.problem(409, "conflict");
    assert_eq!(app.count("SELECT count(*) FROM blob"), 0);
}

#[tokio::test]
async fn what_a_guest_says_is_escaped_in_the_answer_and_in_the_audit() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let wasm = wat::parse_str(r#"(module (import "env" "\1b[31m\e2\80\aeevil" (func)))"#).unwrap();
    let answer = app.upload(&game, "1.0.0", &wasm).await;
    answer.expect(400);
    assert!(answer.text().is_ascii(), "{}", answer.text());
    let audit = app.get(&format!("/games/{game}/audit")).send().await;
    audit.expect(200);
    assert!(audit.text().is_ascii(), "{}", audit.text());
    assert!(audit.text().contains("u{1b}[31m"), "{}", audit.text());
}
