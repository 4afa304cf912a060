//! The same source as a module and as a native sim: the same transcript, tick by tick.

use std::sync::Arc;

use bytes::Bytes;
use lattice_host::{Guest, Program};
use lattice_policies::{PlayerId, admission::Packaging};
use lattice_surface::{Event, Phase, Recipient, SharedRules, response_payload};

use crate::builds;

fn guest(program: &Program) -> Guest {
    let mut guest =
        Guest::new(program, Arc::from(*b"config"), Arc::new(SharedRules::default())).unwrap();
    guest.init(99, 60).unwrap();
    guest
}

/// What players send in that tick, and what else happens; each of the sim's letters comes often.
fn events(tick: i64) -> Vec<Event> {
    const LETTERS: &[u8] = b"rglnsxbh?";
    let player = PlayerId((tick % 5) as u32 + 1);
    let mut events = Vec::new();
    if tick % 40 < 5 {
        events.push(Event::Join { player, about: Bytes::from(format!("player {player}")) });
    }
    for number in 0..tick % 4 {
        let letter = LETTERS[((tick * 3 + number) % LETTERS.len() as i64) as usize];
        let mut bytes = vec![letter];
        bytes.resize(1 + (tick as usize * 37 % 900), b'a' + (tick % 26) as u8);
        events.push(Event::Message { player, bytes: Bytes::from(bytes) });
    }
    if tick % 33 == 32 {
        events.push(Event::Message { player, bytes: Bytes::from_static(b"kick me") });
    }
    if tick % 21 == 20 {
        let payload = response_payload(b"a: b\r\n", b"body");
        events.push(Event::Response { id: tick as u32, status: 200, payload });
    }
    events
}

/// Everything of a call that anybody outside of the sim notices.
fn noticed(guest: &mut Guest) -> impl PartialEq + std::fmt::Debug + use<> {
    let changed = guest.gauges_changed();
    let surface = guest.surface();
    let messages: Vec<_> = surface
        .outbox()
        .messages()
        .map(|it| (it.to != Recipient::Everyone, it.bytes.to_vec(), it.may_be_dropped))
        .collect();
    let kicks = surface.outbox().kicks().to_vec();
    let lines = surface.log().drain();
    let said = (surface.said().to_vec(), surface.transcript());
    let rest = (surface.gauges(), surface.result().map(<[u8]>::to_vec), surface.codes().to_vec());
    (messages, kicks, lines, said, rest, changed, surface.events().len())
}

#[test]
fn a_source_says_the_same_as_a_module_and_as_a_native_sim() {
    let host = builds::host(builds::policy(), 1);
    let programs = [Packaging::Wasm, Packaging::Native].map(|it| builds::counter(&host, it));
    let [mut wasm, mut native] = programs.each_ref().map(guest);
    assert_eq!(noticed(&mut wasm), noticed(&mut native));
    for tick in 0..400 {
        let finished = [&mut wasm, &mut native].map(|guest| {
            let surface = guest.surface();
            surface.begin(Phase::Tick);
            for event in events(tick) {
                surface.push(event).unwrap();
            }
            guest.tick(tick, tick % 7 == 0).unwrap()
        });
        assert_eq!(finished, [false; 2]);
        assert_eq!(noticed(&mut wasm), noticed(&mut native), "tick {tick}");
    }
    assert!(wasm.surface().result().is_some() && !wasm.surface().gauges().is_empty());
    assert!(wasm.surface().left().len() > 2);
    for guest in [&mut wasm, &mut native] {
        guest.shutdown().unwrap();
    }
    assert_eq!(noticed(&mut wasm), noticed(&mut native));
    assert!(native.fuel_used() > 0 && native.fuel_used() < wasm.fuel_used());
    assert!(wasm.isolation().is_none() && native.isolation().is_some());
}

#[test]
fn programs_of_the_two_kinds_are_told_apart() {
    let host = builds::host(builds::policy(), 1);
    let [wasm, native] = [Packaging::Wasm, Packaging::Native].map(|it| builds::counter(&host, it));
    assert_eq!((wasm.packaging(), native.packaging()), (Packaging::Wasm, Packaging::Native));
    assert_ne!(wasm.fingerprint(), native.fingerprint());
    assert_eq!(native.runs(), native.sha256(), "nothing is compiled");
    assert!(native.can_snapshot());

    let mut other = builds::policy();
    other.native.stack_bytes += 4096;
    let elsewhere = builds::host(other, 1);
    let moved = builds::counter(&elsewhere, Packaging::Native);
    assert_ne!(moved.fingerprint(), native.fingerprint(), "another layout is another engine");
    assert_eq!(builds::counter(&elsewhere, Packaging::Wasm).fingerprint(), wasm.fingerprint());
}
