//! Uploads: what is kept of an admitted one, and that nothing is kept of a refused one.

use lattice_policies::{Sha256, admission::SCANNER};
use lattice_store::{Actor, Inserted, Page, Refusal, StoreError};

use crate::world::*;

#[test]
fn an_admitted_module_is_kept_with_who_vouches_for_it() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    let admitted = module("1.0.0");

    assert!(build.schedulable);
    assert_eq!(build.sha256, admitted.sha256());
    assert_eq!(build.size, admitted.bytes().len() as u64);
    assert_eq!(build.imports, ["lattice_ms_log"]);
    assert_eq!((build.policy, build.scanner), (POLICY, SCANNER));
    assert_eq!(build.uploaded_by, "ada");
    assert_eq!(world.store.build(&game(), &version("1.0.0")).unwrap(), Some(build.clone()));
    assert_eq!(world.store.module(build.sha256).unwrap().unwrap(), **admitted.bytes());

    let row = world.audit().pop().unwrap();
    assert_eq!((&*row.action, &*row.target, &*row.outcome), ("module.upload", "1.0.0", "ok"));
    assert_eq!((row.actor, row.game), (ada(), Some(game())));
    assert_eq!(row.detail["Sha256"], build.sha256.to_string());
    assert_eq!(row.detail["Policy"], POLICY.to_string());
}

#[test]
fn a_refused_module_leaves_one_audit_row_and_nothing_else() {
    let world = World::with_game();
    let rejection = rejection("1.0.0");
    world.store.record_rejection(&ada(), &game(), &version("1.0.0"), &rejection).unwrap();

    assert_eq!((world.count("blob"), world.count("module_build")), (0, 0));
    assert_eq!(world.deeds(), ["game.create ok", "module.upload rejected"]);
    let row = world.audit().pop().unwrap();
    assert_eq!(row.actor, ada());
    assert_eq!(row.detail["Sha256"], rejection.sha256.to_string());
    assert_eq!(row.detail["Size"], rejection.size);
    assert_eq!(row.detail["ReasonsTotal"], rejection.total);
    assert_eq!(row.detail["Reasons"], serde_json::to_value(&rejection.reasons).unwrap());
}

#[test]
fn a_module_that_does_not_compile_is_a_rejection_like_others() {
    let world = World::with_game();
    let admitted = module("1.0.0");
    let version = version("1.0.0");
    world.store.record_uncompilable(&ada(), &game(), &version, &admitted, "too deep").unwrap();

    assert_eq!((world.count("blob"), world.count("module_build")), (0, 0));
    assert_eq!(world.deeds(), ["game.create ok", "module.upload rejected"]);
    let read = "SELECT sha256, reasons FROM rejections";
    let (sha256, reasons): (String, String) =
        world.raw().query_row(read, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(sha256, admitted.sha256().to_string());
    assert_eq!(reasons, "UNCOMPILABLE too deep");
}

#[test]
fn a_version_holds_its_bytes_for_ever() {
    let world = World::with_game();
    let first = world.upload("1.0.0");
    let put = |bytes: &str| {
        world.store.insert_build(&ada(), &game(), &version("1.0.0"), &module(bytes), POLICY, None)
    };

    assert_eq!(put("1.0.0").unwrap(), Inserted::Same(first.clone()));
    assert_eq!(put("other bytes").unwrap(), Inserted::Taken(first.clone()));

    assert_eq!((world.count("blob"), world.count("module_build")), (1, 1));
    assert_eq!(world.store.module(module("other bytes").sha256()).unwrap(), None);
    assert_eq!(world.store.build(&game(), &version("1.0.0")).unwrap(), Some(first));
    assert_eq!(
        world.deeds()[1..],
        ["module.upload ok", "module.upload unchanged", "module.upload conflict"]
    );
}

#[test]
fn the_same_bytes_under_two_versions_are_kept_once() {
    let world = World::with_game();
    for text in ["1.0.0", "1.0.1"] {
        let version = version(text);
        let put = world.store.insert_build(&ada(), &game(), &version, &module("one"), POLICY, None);
        assert!(matches!(put, Ok(Inserted::New(_))));
    }
    assert_eq!((world.count("blob"), world.count("module_build")), (1, 2));
}

#[test]
fn a_build_of_no_game_is_refused_whole() {
    let world = World::new();
    let put =
        world.store.insert_build(&ada(), &game(), &version("1.0.0"), &module("one"), POLICY, None);
    assert!(matches!(put, Err(StoreError::NoSuchGame(id)) if id == game()));
    assert_eq!((world.count("blob"), world.count("audit")), (0, 0));
}

#[test]
fn builds_are_listed_from_the_highest_version_down_page_by_page() {
    let world = World::with_game();
    for text in ["1.9.0", "1.10.0", "2.0.0-rc.1", "0.1.0"] {
        world.upload(text);
    }
    let list = |page: &Page| -> Vec<String> {
        let builds = world.store.builds(&game(), page).unwrap();
        builds.iter().map(|build| build.version.to_string()).collect()
    };
    assert_eq!(list(&Page::first(10)), ["2.0.0-rc.1", "1.10.0", "1.9.0", "0.1.0"]);
    assert_eq!(list(&Page { after: Some("1.10.0".into()), limit: 1 }), ["1.9.0"]);
    let nonsense = Page { after: Some("newest".into()), limit: 1 };
    assert!(matches!(world.store.builds(&game(), &nonsense), Err(StoreError::BadCursor(_))));

    let latest = || world.store.latest_schedulable(&game()).unwrap().unwrap().version.to_string();
    assert_eq!(latest(), "1.10.0", "a pre-release is never taken unasked");
    world.store.set_schedulable(&ada(), &game(), &version("1.10.0"), false).unwrap();
    assert_eq!(latest(), "1.9.0");
}

#[test]
fn retiring_and_restoring_are_audited_each_time() {
    let world = World::with_game();
    world.upload("1.0.0");
    let set = |on| world.store.set_schedulable(&ada(), &game(), &version("1.0.0"), on).unwrap();

    let retired = set(false).unwrap();
    assert!(!retired.schedulable && retired.retired_at.is_some());
    assert_eq!(set(false).unwrap(), retired, "the first time stays");
    let restored = set(true).unwrap();
    assert!(restored.schedulable && restored.retired_at.is_none());

    assert_eq!(
        world.deeds()[2..],
        ["module.retire ok", "module.retire unchanged", "module.restore ok"]
    );
    let unknown = world.store.set_schedulable(&ada(), &game(), &version("9.0.0"), false);
    assert_eq!(unknown.unwrap(), None);
    assert_eq!(world.audit().len(), 5);
}

#[test]
fn a_refused_build_stays_off_until_a_scan_admits_it_again() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    let rejection = rejection("1.0.0");
    world.store.refuse_build(&build, Refusal::Rejected(&rejection)).unwrap();

    let refused = world.store.build(&game(), &build.version).unwrap().unwrap();
    assert!(!refused.schedulable);
    assert!(refused.refused.as_ref().unwrap().contains("IMPORT_NOT_ALLOWED env.system"));
    assert_eq!(world.store.schedulable_builds().unwrap(), []);
    assert_eq!(world.store.refused_builds().unwrap(), [refused]);
    let restore = world.store.set_schedulable(&ada(), &game(), &build.version, true);
    let said = restore.unwrap_err().to_string();
    assert!(said.contains("refused: IMPORT_NOT_ALLOWED env.system"), "{said}");
    let check = world.audit().pop().unwrap();
    assert_eq!((&*check.action, &*check.outcome), ("module.check", "rejected"));
    assert_eq!((check.actor, check.game), (Actor::system(), Some(game())));

    let newer = Sha256([9; 32]);
    let other = world.store.readmit_build(&build, &module("other"), newer);
    assert!(matches!(other, Err(StoreError::OtherModule { .. })), "the proof is of other bytes");
    let back = world.store.readmit_build(&build, &module("1.0.0"), newer).unwrap();
    assert!(back.schedulable);
    assert_eq!(back.policy, newer);
    assert_eq!(world.audit().pop().unwrap().detail["PolicyBefore"], POLICY.to_string());
}

#[test]
fn a_damaged_module_is_refused_and_never_taken_for_whole() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    let raw = world.raw();
    assert!(raw.execute("UPDATE blob SET bytes = X'00'", []).is_err(), "it takes force");
    raw.execute_batch("DROP TRIGGER blob_is_not_changed; UPDATE blob SET bytes = X'00'").unwrap();

    let found = Sha256::of(&world.store.module(build.sha256).unwrap().unwrap());
    assert_ne!(found, build.sha256);
    world.store.refuse_build(&build, Refusal::Altered { found }).unwrap();
    let refused = world.store.build(&game(), &build.version).unwrap().unwrap().refused.unwrap();
    assert!(refused.contains(&found.to_string()), "{refused}");
    assert_eq!(world.audit().pop().unwrap().detail["Found"], found.to_string());

    let version = version("1.0.1");
    let again = world.store.insert_build(&ada(), &game(), &version, &module("1.0.0"), POLICY, None);
    assert!(matches!(again, Err(StoreError::BlobAltered(hash)) if hash == build.sha256));
}

#[test]
fn builds_and_audit_survive_a_restart() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    let audit = world.audit();
    let world = world.restart();
    assert_eq!(world.store.build(&game(), &build.version).unwrap(), Some(build));
    assert_eq!(world.audit(), audit);
    assert_eq!(world.store.games(Some("ada"), &Page::first(5)).unwrap()[0].name, "Arena");
    assert_eq!(world.store.games(Some("bob"), &Page::first(5)).unwrap(), []);
}
