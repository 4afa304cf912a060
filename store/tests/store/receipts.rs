//! Receipts and signed heads: made with what they state, and never changed.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use lattice_policies::Sha256;
use lattice_store::{
    AuditHead, BuildFacts, EndProof, InputAppend, Inserted, MatchEnd, MatchFacts, MatchState, Page,
    StoreError,
};

use crate::world::*;

/// An upload with a receipt that says what it was told.
fn upload(world: &World, text: &str, bytes: &str) -> Result<Inserted, StoreError> {
    let sign = |facts: &BuildFacts<'_>| format!("{facts:?}");
    world.store.insert_build(&ada(), &game(), &version(text), &module(bytes), POLICY, Some(&sign))
}

fn proof() -> EndProof {
    EndProof {
        transcript: Sha256([1; 32]),
        state: Some(Sha256([2; 32])),
        runs: Sha256([3; 32]),
        fingerprint: Sha256([4; 32]),
    }
}

#[test]
fn a_build_has_a_receipt_of_its_row_in_the_audit() {
    let world = World::with_game();
    let Inserted::New(build) = upload(&world, "1.0.0", "1.0.0").unwrap() else { panic!() };
    let facts = BuildFacts {
        game: &build.game,
        version: &build.version,
        packaging: build.packaging,
        sha256: build.sha256,
        size: build.size,
        imports: &build.imports,
        policy: build.policy,
        scanner: build.scanner,
        audit: world.store.audit_head().unwrap(),
        created_at: build.created_at,
    };
    assert_eq!(world.audit().pop().unwrap().action, "module.upload");
    let receipt = |text: &str| world.store.build_receipt(&game(), &version(text)).unwrap();
    assert_eq!(receipt("1.0.0"), Some(format!("{facts:?}")));

    assert!(matches!(upload(&world, "1.0.0", "1.0.0"), Ok(Inserted::Same(_))));
    assert!(matches!(upload(&world, "1.0.0", "other"), Ok(Inserted::Taken(_))));
    assert_eq!(receipt("1.0.0"), Some(format!("{facts:?}")), "the first one stands");
    world.upload("2.0.0");
    assert_eq!((receipt("2.0.0"), receipt("3.0.0")), (None, None));
    assert_eq!(world.count("receipts"), 1);
}

#[test]
fn a_match_has_a_receipt_of_its_end_with_its_log() {
    let world = World::with_match();
    let records = InputAppend::Records { match_id: match_id(1), bytes: b"inputs".to_vec() };
    world.store.append_inputs(&[records], 99).unwrap();
    let end = MatchEnd { proof: Some(proof()), ..end(MatchState::Finished) };
    let told = RefCell::new(None);
    let sign = |facts: &MatchFacts<'_>| {
        *told.borrow_mut() = Some((facts.run.clone(), facts.end.clone(), facts.log, facts.audit));
        "signed".to_owned()
    };
    assert!(world.store.end_match(&match_id(1), &end, Some(&sign)).unwrap());

    let (run, ended, log, audit) = told.take().unwrap();
    assert_eq!(Some(run), world.store.match_by_id(&match_id(1)).unwrap());
    assert_eq!((ended, audit), (end.clone(), world.store.audit_head().unwrap()));
    let (log, row) = (log.unwrap(), world.audit().pop().unwrap());
    assert_eq!((log.bytes, log.cut), (6, false));
    assert_eq!(row.detail["InputLog"]["Hash"], log.hash.to_string());
    assert_eq!(row.detail["Proof"]["Transcript"], proof().transcript.to_string());
    assert_eq!(row.detail["Proof"]["State"], proof().state.unwrap().to_string());

    assert!(!world.store.end_match(&match_id(1), &end, Some(&sign)).unwrap());
    assert!(told.take().is_none(), "an end is signed once");
    let world = world.restart();
    assert_eq!(world.store.match_receipt(&match_id(1)).unwrap().unwrap(), "signed");
    assert_eq!(world.store.match_receipt(&match_id(2)).unwrap(), None);
}

#[test]
fn without_its_receipt_nothing_is_kept_of_what_it_states() {
    let world = World::with_match();
    let (audit, run) = (world.audit(), world.store.match_by_id(&match_id(1)).unwrap());
    let end = end(MatchState::Finished);
    let no_key = |_: &MatchFacts<'_>| -> String { panic!("there is no key") };
    let ended = || world.store.end_match(&match_id(1), &end, Some(&no_key));
    assert!(catch_unwind(AssertUnwindSafe(ended)).is_err());
    world
        .raw()
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON receipt BEGIN SELECT RAISE(ABORT, 'full'); END",
        )
        .unwrap();
    assert!(upload(&world, "1.1.0", "1.1.0").is_err());
    let sign = |_: &MatchFacts<'_>| "signed".to_owned();
    assert!(world.store.end_match(&match_id(1), &end, Some(&sign)).is_err());

    assert_eq!((world.audit(), world.count("module_build")), (audit, 1));
    assert_eq!(world.store.match_by_id(&match_id(1)).unwrap(), run);
}

/// Signs the audit's end as it is; gives it if it was not signed yet.
fn sign_head(world: &World) -> Option<AuditHead> {
    let sign = |head: &AuditHead| format!("{} is {}", head.seq, head.hash);
    world.store.put_audit_head(&sign).unwrap()
}

#[test]
fn the_audits_end_is_signed_when_it_has_grown() {
    let world = World::new();
    assert_eq!(sign_head(&world), None, "there is nothing to sign");
    assert_eq!(world.store.last_audit_head().unwrap(), None);
    world.store.create_game(&ada(), &game(), "Arena", "ada").unwrap();
    let first = sign_head(&world).unwrap();
    assert_eq!(first, world.store.audit_head().unwrap());
    assert_eq!(sign_head(&world), None);
    world.upload("1.0.0");
    world.upload("1.1.0");
    let second = sign_head(&world).unwrap();
    assert_eq!((first.seq, second.seq), (1, 3));

    let world = world.restart();
    let heads = world.store.audit_heads(&Page::first(9)).unwrap();
    assert_eq!(heads.iter().map(|signed| signed.head).collect::<Vec<_>>(), [second, first]);
    assert_eq!(heads[1].envelope, format!("1 is {}", first.hash));
    let older = Page { after: Some("3".into()), limit: 9 };
    assert_eq!(world.store.audit_heads(&older).unwrap(), heads[1..]);
    assert_eq!(world.store.last_audit_head().unwrap().as_ref(), heads.first());
    assert_eq!(world.store.audit_hash(1).unwrap(), Some(first.hash));
    assert_eq!(world.store.audit_hash(4).unwrap(), None);
}

#[test]
fn the_database_itself_refuses_to_change_what_was_signed() {
    let world = World::with_game();
    upload(&world, "1.0.0", "1.0.0").unwrap();
    sign_head(&world).unwrap();
    world.upload("1.1.0");
    let raw = world.raw();
    for sql in [
        "UPDATE receipt SET envelope = 'x'",
        "DELETE FROM receipt",
        "INSERT OR REPLACE INTO receipt SELECT * FROM receipt",
        "INSERT INTO receipt (kind, game, version, row, envelope)
         SELECT kind, game, version, (SELECT max(seq) FROM audit), envelope FROM receipt",
        "INSERT INTO receipt (kind, game, version, row, envelope)
         SELECT kind, game, '1.1.0', row, envelope FROM receipt",
        "INSERT INTO receipt (kind, game, version, match_id, row, envelope)
         SELECT 'match', game, '1.1.0', NULL, (SELECT max(seq) FROM audit), '' FROM receipt",
        "UPDATE signed_head SET envelope = 'x'",
        "DELETE FROM signed_head",
        "INSERT OR REPLACE INTO signed_head SELECT seq, hash, at, 'x' FROM signed_head",
        "INSERT INTO signed_head SELECT seq - 1, hash, at, 'x' FROM audit_row WHERE seq = 2",
        "INSERT INTO signed_head SELECT seq + 1, hash, '', 'x' FROM audit_head",
        "INSERT INTO signed_head SELECT seq, zeroblob(32), '', 'x' FROM audit_head",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
    assert!(sign_head(&world).is_some());
}
