//! API tokens: found by the hash of their secret, until they expire or are deleted.

use lattice_policies::{Sha256, roles::Role};

use crate::world::*;

#[test]
fn a_token_is_found_by_its_secret_until_it_is_deleted() {
    let world = World::new();
    let new = new_token(1, "developer");
    let made = world.store.create_token(&ada(), &new).unwrap();
    assert_eq!((&*made.subject, made.role, &*made.created_by), ("ada", Role::Developer, "ada"));

    let world = world.restart();
    assert_eq!(world.store.token_by_secret(new.secret).unwrap(), Some(made.clone()));
    assert_eq!(world.store.token_by_secret(Sha256::of(b"guess")).unwrap(), None);
    assert_eq!(world.store.tokens().unwrap(), [made]);

    assert!(world.store.delete_token(&ada(), &new.id).unwrap());
    assert!(!world.store.delete_token(&ada(), &new.id).unwrap());
    assert_eq!(world.store.token_by_secret(new.secret).unwrap(), None);
    assert_eq!(world.deeds(), ["token.create ok", "token.delete ok"]);
    let audit = format!("{:?}", world.audit());
    assert!(!audit.contains(&new.secret.to_string()), "the audit has not even the hash");
}

#[test]
fn an_expired_token_opens_nothing() {
    let world = World::new();
    let mut new = new_token(1, "super-admin");
    new.expires_at = Some(an_hour_ago());
    world.store.create_token(&ada(), &new).unwrap();
    assert_eq!(world.store.token_by_secret(new.secret).unwrap(), None);
    assert!(!world.store.has_super_admin().unwrap());
    assert_eq!(world.store.tokens().unwrap().len(), 1, "but it is listed");

    let mut valid = new_token(2, "super-admin");
    valid.expires_at = Some(in_an_hour());
    world.store.create_token(&ada(), &valid).unwrap();
    assert!(world.store.has_super_admin().unwrap());
}

#[test]
fn a_viewers_token_makes_no_super_admin_and_a_secret_is_unique() {
    let world = World::new();
    world.store.create_token(&ada(), &new_token(1, "viewer")).unwrap();
    assert!(!world.store.has_super_admin().unwrap());
    let mut copy = new_token(2, "developer");
    copy.secret = new_token(1, "viewer").secret;
    assert!(world.store.create_token(&ada(), &copy).is_err());
    assert_eq!((world.count("token"), world.count("audit")), (1, 1));
}
