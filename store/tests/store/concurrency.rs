//! Many threads at once: no change is lost, no row of the audit, and reads never see half.

use std::{sync::Barrier, thread};

use lattice_store::{AuditFilter, Inserted, Page};

use crate::world::*;

#[test]
fn writers_and_readers_get_along() {
    const WRITERS: usize = 4;
    const READERS: usize = 4;
    const EACH: usize = 12;
    let world = World::with_game();
    let store = &world.store;
    let start = &Barrier::new(WRITERS + READERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                start.wait();
                for n in 0..EACH {
                    let text = format!("{writer}.{n}.0");
                    let put = store.insert_build(
                        &ada(),
                        &game(),
                        &version(&text),
                        &module(&text),
                        POLICY,
                        None,
                    );
                    assert!(matches!(put, Ok(Inserted::New(_))));
                }
            });
        }
        for _ in 0..READERS {
            scope.spawn(move || {
                start.wait();
                for _ in 0..EACH {
                    let check = store.verify_audit().unwrap();
                    let audit = store.audit(&AuditFilter::default(), &Page::first(200)).unwrap();
                    let builds = store.builds(&game(), &Page::first(200)).unwrap();
                    assert!(audit.len() >= check.rows as usize, "a later read sees no less");
                    assert!(builds.len() + 1 >= audit.len(), "every row has its change");
                    for build in &builds {
                        assert!(store.module(build.sha256).unwrap().is_some());
                    }
                }
            });
        }
    });
    assert_eq!(world.count("module_build"), (WRITERS * EACH) as i64);
    assert_eq!(store.verify_audit().unwrap().rows as usize, 1 + WRITERS * EACH);
}

#[test]
fn the_same_version_from_many_threads_is_made_once() {
    const THREADS: usize = 8;
    let world = World::with_game();
    let (store, start) = (&world.store, &Barrier::new(THREADS));
    let new: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                scope.spawn(move || {
                    start.wait();
                    let bytes = module(&format!("bytes {}", n % 2));
                    store
                        .insert_build(&ada(), &game(), &version("1.0.0"), &bytes, POLICY, None)
                        .unwrap()
                })
            })
            .collect();
        let inserted = threads.into_iter().map(|thread| thread.join().unwrap());
        inserted.filter(|inserted| matches!(inserted, Inserted::New(_))).count()
    });
    assert_eq!(new, 1);
    assert_eq!((world.count("module_build"), world.count("blob")), (1, 1));
}

#[test]
fn a_read_does_not_wait_for_a_write_that_takes_long() {
    let world = World::with_game();
    let writer = world.raw();
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE game SET name = 'half done'").unwrap();
    let game = world.store.game(&game()).unwrap().unwrap();
    assert_eq!(game.name, "Arena");
    writer.execute_batch("ROLLBACK").unwrap();
}
