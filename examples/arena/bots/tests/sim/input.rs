//! What players may send, and what is ignored.

use arena_bots::protocol::{Input, Message, Place, encode_hello};

use crate::host::{JOIN, MESSAGE, Sent, Sim};
use crate::table::Table;

#[test]
fn what_is_not_an_input_changes_nothing() {
    let good = Input { movement: Place { x: 1.0, y: 0.0 }, ..Input::default() }.encode(1);
    let mut unknown_button = good;
    unknown_button[1] = 2;
    let mut no_vector = good;
    no_vector[2] = 0x80;
    let huge = vec![1; 60_000];
    let garbage: [&[u8]; 9] = [
        b"",
        &good[..7],
        &[&good[..], &[0]].concat(),
        &[9, 0, 0, 0, 0, 0, 0, 0],
        &unknown_button,
        &no_vector,
        &[2],
        &[2, 99],
        &huge,
    ];
    let quiet = two_players_after(&[]);
    let noisy = two_players_after(&garbage);
    assert!(quiet == noisy, "garbage leaves no trace in the transcript");
    assert!(quiet != two_players_after(&[&good]), "but an input does");
}

#[test]
fn an_input_moves_and_its_sequence_comes_back() {
    let (mut sim, _) = start_with_two();
    let input = Input { movement: Place { x: 0.0, y: 1.0 }, ..Input::default() };
    let before = own_state(&sim.tick().1);
    sim.event(MESSAGE, 1, &input.encode(515));
    let mut after = before.clone();
    for _ in 0..10 {
        after = own_state(&sim.tick().1);
    }
    assert_eq!(after.sequence, 515);
    assert!(before.at.distance(after.at) > 5.0, "{before:?} {after:?}");
}

#[test]
fn who_is_silent_for_three_seconds_stands_still() {
    let (mut sim, _) = start_with_two();
    let input = Input { movement: Place { x: 0.0, y: 1.0 }, ..Input::default() };
    sim.event(MESSAGE, 1, &input.encode(1));
    let mut places: Vec<Place> = (0..150).map(|_| own_state(&sim.tick().1).at).collect();
    assert_eq!(places[140], places[149], "at rest after five seconds");
    sim.event(MESSAGE, 1, &Input { movement: Place { x: 0.0, y: -1.0 }, ..input }.encode(2));
    places.extend((0..30).map(|_| own_state(&sim.tick().1).at));
    assert!(places[179].distance(places[149]) > 20.0, "and awake again with the next input");
}

#[test]
fn random_bytes_do_no_harm() {
    let mut table = Table::of(4, "score_limit=0", 9, 30);
    let mut state = 12_345_u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for _ in 0..600 {
        for player in 1..=4 {
            let mut bytes: Vec<u8> = (0..random() % 20).map(|_| random() as u8).collect();
            if random() % 2 == 0 {
                bytes.resize(8, 0);
                bytes[..2].copy_from_slice(&[1, (random() % 2) as u8]);
            }
            table.sim.event(MESSAGE, player, &bytes);
        }
        table.play(1);
    }
    assert!(table.seats.iter().all(|seat| seat.tally.states == 600));
}

#[test]
fn hello_brings_the_welcome_again_once_a_tick_and_to_nobody_else() {
    let (mut sim, first) = start_with_two();
    for _ in 0..50 {
        sim.event(MESSAGE, 2, &encode_hello());
    }
    let (_, sent) = sim.tick();
    let again: Vec<&Sent> = sent.iter().filter(|sent| sent.player.is_some()).collect();
    assert_eq!(again.len(), 2, "a welcome and a roster");
    assert!(again.iter().all(|sent| sent.player == Some(2) && !sent.may_drop));
    assert!(first.contains(again[0]), "the welcome says what it said at first");
}

#[test]
fn messages_of_somebody_who_is_not_here_are_ignored() {
    let (mut sim, _) = start_with_two();
    sim.event(MESSAGE, 77, &encode_hello());
    sim.event(MESSAGE, 77, &Input::default().encode(1));
    let (code, sent) = sim.tick();
    assert_eq!(code, 0);
    assert!(sent.iter().all(|sent| sent.player.is_none()));
}

fn start_with_two() -> (Sim, Vec<Sent>) {
    let mut sim = Sim::start("", 1, 30);
    sim.event(JOIN, 1, b"Ada");
    sim.event(JOIN, 2, b"Bob");
    let (_, sent) = sim.tick();
    (sim, sent)
}

fn two_players_after(messages: &[&[u8]]) -> Vec<Sent> {
    let (mut sim, mut transcript) = start_with_two();
    for message in messages {
        sim.event(MESSAGE, 1, message);
    }
    for _ in 0..5 {
        transcript.extend(sim.tick().1);
    }
    transcript
}

fn own_state(sent: &[Sent]) -> arena_bots::protocol::PlayerState {
    let mut states = sent.iter().filter_map(|sent| match arena_bots::decode::decode(&sent.bytes) {
        Ok(Message::State(state)) => Some(state),
        _ => None,
    });
    states.next_back().unwrap().players[0].clone()
}
