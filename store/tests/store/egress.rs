//! Egress policies: each change is the next revision and one audit row, and what is recorded
//! together is kept together.

use lattice_policies::egress::GameEgress;
use lattice_store::{AuditEntry, StoreError};
use serde_json::{Value, json};

use crate::world::*;

fn policy(members: Value) -> GameEgress {
    serde_json::from_value(members).unwrap()
}

fn one_host() -> GameEgress {
    policy(json!({"Allow": ["api.example.com:443"], "RequestsPerSecond": 3}))
}

#[test]
fn a_game_has_no_policy_until_one_is_set_and_then_that_one() {
    let world = World::with_game();
    assert_eq!(world.store.egress(&game()).unwrap(), None);

    let set = world.store.set_egress(&ada(), &game(), &one_host()).unwrap();
    assert_eq!((set.revision, set.updated_by.as_str()), (1, "ada"));
    assert_eq!(set.policy, one_host());
    assert_eq!(world.store.egress(&game()).unwrap(), Some(set));

    let world = world.restart();
    let emptied = world.store.set_egress(&ada(), &game(), &GameEgress::default()).unwrap();
    assert_eq!((emptied.revision, emptied.policy), (2, GameEgress::default()));
    assert_eq!(world.count("egress_policy"), 1);
}

#[test]
fn each_change_is_on_record_with_what_was_before() {
    let world = World::with_game();
    world.store.set_egress(&ada(), &game(), &one_host()).unwrap();
    world.store.set_egress(&ada(), &game(), &GameEgress::default()).unwrap();
    let rows = world.audit();
    let [_, first, second] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((&*first.action, &*first.target), ("egress.set", game().as_str()));
    assert_eq!((&first.game, &first.actor), (&Some(game()), &ada()));
    assert_eq!((&first.detail["Revision"], &first.detail["Before"]), (&json!(1), &Value::Null));
    assert_eq!(first.detail["After"]["Allow"], json!(["api.example.com:443"]));
    assert_eq!(second.detail["Before"], first.detail["After"]);
    assert_eq!(second.detail["After"]["Allow"], json!([]));
}

#[test]
fn a_policy_of_no_game_is_refused_and_nothing_is_written() {
    let world = World::new();
    let set = world.store.set_egress(&ada(), &game(), &one_host());
    assert!(matches!(set, Err(StoreError::NoSuchGame(id)) if id == game()));
    assert_eq!((world.count("egress_policy"), world.count("audit_row")), (0, 0));
}

#[test]
fn a_policy_that_is_none_any_more_is_damage_until_it_is_replaced() {
    let world = World::with_game();
    world.store.set_egress(&ada(), &game(), &one_host()).unwrap();
    world
        .raw()
        .execute_batch("UPDATE egress_policy SET revision = 2, policy = '{\"Allow\":[\"*\"]}'")
        .unwrap();
    let found = world.store.egress(&game());
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");

    let set = world.store.set_egress(&ada(), &game(), &one_host()).unwrap();
    assert_eq!(set.revision, 3);
    assert_eq!(world.audit()[2].detail["Before"], json!({"Allow": ["*"]}));
}

#[test]
fn the_database_keeps_the_count_of_changes() {
    let world = World::with_game();
    world.store.set_egress(&ada(), &game(), &one_host()).unwrap();
    for sql in [
        "UPDATE egress_policy SET policy = '{}'",
        "UPDATE egress_policy SET revision = 3",
        "UPDATE egress_policy SET revision = 2, game = 'g_other'",
        "DELETE FROM egress_policy",
    ] {
        let refused = world.raw().execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("egress policy"), "{sql}: {refused}");
    }
}

#[test]
fn what_is_recorded_together_is_kept_in_its_order_or_not_at_all() {
    let world = World::with_game();
    let targets = ["GET https://a.test:443/1", "GET https://a.test:443/2"];
    let game = game();
    let entries = targets.map(|target| AuditEntry {
        action: "egress.fetch",
        game: Some(&game),
        target,
        outcome: "ok",
        detail: json!({}),
    });
    let raw = world.raw();
    raw.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON audit_row WHEN NEW.target LIKE '%/2'
         BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    assert!(world.store.record_all(&ada(), &entries).is_err());
    assert_eq!(world.count("audit_row"), 1, "the first of the two is not kept alone");

    raw.execute_batch("DROP TRIGGER full").unwrap();
    world.store.record_all(&ada(), &entries).unwrap();
    world.store.record_all(&ada(), &[]).unwrap();
    assert_eq!([1, 2].map(|row: usize| world.audit()[row].target.clone()), targets);
    assert_eq!(world.store.verify_audit().unwrap().rows, 3);
}
