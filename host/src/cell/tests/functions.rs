//! Host functions, as the cell answers and records them, and as it asks.

use std::sync::atomic::Ordering::Relaxed;

use lattice_cell::{Record, Turn, places};
use lattice_policies::{Code as Answer, PlayerId};
use lattice_surface::{Call, Event, Phase};

use super::{
    code::{Code, pointer},
    image::{DATA, STACK_END, Sim},
};

/// What the sim stored as the answers, one behind the other.
fn answers<const N: usize>(sim: &Sim) -> [i64; N] {
    std::array::from_fn(|at| i64::from_le_bytes(sim.memory(DATA + 0x800 + 8 * at as u64)))
}

fn to(at: u64) -> u64 {
    DATA + 0x800 + 8 * at
}

fn code_of(answer: Answer) -> i64 {
    i64::from(answer.value() as u32)
}

#[test]
fn prompt_calls_are_answered_at_once_and_leave_records() {
    let text = u64::from_le_bytes(*b"hello123");
    let message = pointer(DATA);
    let code = Code::default()
        .rax(text)
        .store(DATA)
        .arguments(&[7, message, 5, 0])
        .host(places::SEND)
        .store(to(0))
        .arguments(&[8, message, 5, 0])
        .host(places::SEND)
        .store(to(1))
        .arguments(&[message, 257, 0])
        .host(places::BROADCAST)
        .store(to(2))
        .arguments(&[7, 42])
        .host(places::KICK)
        .store(to(3))
        .arguments(&[2, 1, 4])
        .host(places::LOG)
        .store(to(4))
        .arguments(&[0, 0])
        .host(places::RESULT)
        .store(to(5))
        .done();
    let mut sim = Sim::of(&code);
    sim.fill(&[3, 7], &[], false);
    assert_eq!(sim.tick().unwrap(), Turn::Returned);
    let ok = 0;
    assert_eq!(
        answers(&sim),
        [ok, code_of(Answer::NoSuchPlayer), code_of(Answer::TooLarge), ok, ok, ok]
    );

    let outlet = sim.outlet();
    let records: Vec<_> = Record::read(&outlet).collect::<Result<_, _>>().unwrap();
    let send = |player| Call::Send { player: PlayerId(player), ptr: DATA as u32, len: 5, flags: 0 };
    assert_eq!(records[0], Record { call: send(7), answer: 0, bytes: b"hello" });
    assert_eq!((records[1].call, records[1].answer), (send(8), Answer::NoSuchPlayer.value()));
    assert_eq!(records[2].bytes.len(), 257, "one more than there may be, so that it still is");
    assert_eq!(records[3].call, Call::Kick { player: PlayerId(7), reason: 42 });
    let log = Call::Log { level: 2, ptr: u32::MAX, len: 4 };
    assert_eq!(records[4], Record { call: log, answer: 0, bytes: b"" });
    assert_eq!(records[5].bytes, b"", "an empty range lies anywhere");
    assert_eq!(records.len(), 6);
}

#[test]
fn whole_records_are_there_also_of_a_sim_that_ended_in_between() {
    let log = Code::default().arguments(&[2, pointer(DATA), 8]).host(places::LOG);
    let code = log.arguments(&[2, pointer(DATA), 9]).host(places::LOG).raw(&[0x0f, 0x0b]).done();
    let mut sim = Sim::of(&code);
    assert!(sim.tick().is_err());
    let outlet = sim.outlet();
    let lens: Vec<_> = Record::read(&outlet).map(|record| record.unwrap().bytes.len()).collect();
    assert_eq!(lens, [8, 9]);
}

#[test]
fn a_full_outlet_is_flushed_and_nothing_is_lost() {
    // Four records of 256 bytes are more than the outlet's 1,024.
    let mut code = Code::default();
    for at in 0..6 {
        code = code.arguments(&[pointer(DATA), 256, 0]).host(places::BROADCAST).store(to(at));
    }
    let mut sim = Sim::of(&code.done());
    assert_eq!(sim.tick().unwrap(), Turn::Flush);
    let mut records = Record::read(&sim.outlet()).count();
    assert_eq!(records, 3);
    assert_eq!(sim.answer(0).unwrap(), Turn::Returned);
    records += Record::read(&sim.outlet()).count();
    assert_eq!(records, 6);
    let full = code_of(Answer::QueueFull);
    assert_eq!(answers(&sim), [0, 0, full, full, full, full], "600 bytes a tick");
}

#[test]
fn events_are_pulled_from_the_inlet_and_refilled() {
    let next = |code: Code, at| {
        code.arguments(&[pointer(DATA), 32]).host(places::EVENT_NEXT).store(to(at))
    };
    let mut code = Code::default().host(places::EVENT_PEEK).store(to(0));
    code = code.arguments(&[pointer(DATA), 23]).host(places::EVENT_NEXT).store(to(1));
    for at in 2..5 {
        code = next(code, at);
    }
    let code = code.host(places::EVENT_PEEK).store(to(5)).done();
    let mut sim = Sim::of(&code);

    let event = |bytes: &'static [u8]| Event::Message { player: PlayerId(3), bytes: bytes.into() };
    let mut first = Vec::new();
    event(b"12345").encode(&mut first);
    Event::Leave { player: PlayerId(3), reason: 9 }.encode(&mut first);
    sim.fill(&[3], &first, true);
    assert_eq!(sim.tick().unwrap(), Turn::Events);
    assert_eq!(Record::read(&sim.outlet()).count(), 4);

    let mut second = Vec::new();
    event(b"").encode(&mut second);
    sim.fill(&[3], &second, false);
    assert_eq!(sim.answer(0).unwrap(), Turn::Returned);
    assert_eq!(answers(&sim), [29, code_of(Answer::TooSmall), 29, 24, 24, 0]);
    assert_eq!(sim.memory::<24>(DATA), second[..], "the last event, as it was sent");
    let outlet = sim.outlet();
    let last: Vec<_> = Record::read(&outlet).map(|it| it.unwrap().answer).collect();
    assert_eq!(last, [24, 0]);
}

#[test]
fn what_only_the_host_knows_is_asked_with_offsets_for_pointers() {
    let half = 0.5f64.to_bits();
    let code = Code::default()
        .raw(&[0x48, 0x83, 0xec, 0x10]) // sub rsp, 16
        .rax(0xffff_ffff_0000_0063)
        .raw(&[0x48, 0x89, 0x04, 0x24]) // mov [rsp], rax: the seventh argument
        .arguments(&[0xf_0000_0001, pointer(1), 2, pointer(3), 4, 0])
        .host(places::HTTP_REQUEST)
        .store(to(0))
        .raw(&[0x48, 0x83, 0xc4, 0x10]) // add rsp, 16
        .rax(half)
        .raw(&[0x66, 0x48, 0x0f, 0x6e, 0xc0]) // movq xmm0, rax
        .arguments(&[pointer(STACK_END), 6])
        .host(places::GAUGE)
        .store(to(1))
        .done();
    let mut sim = Sim::of(&code);
    let asked = |sim: &Sim| {
        let control = sim.cell.ring().control();
        let values = &control.asked;
        let all: Vec<_> = values.iter().map(|it| it.load(Relaxed)).collect();
        (super::image::get(&control.function), all)
    };
    assert_eq!(sim.call(Phase::Tick, 0, [0, 0]).unwrap(), Turn::Ask);
    assert_eq!(asked(&sim), (places::HTTP_REQUEST, vec![1, 1, 2, 3, 4, u64::from(u32::MAX), 0x63]));
    assert_eq!(sim.answer(12).unwrap(), Turn::Ask);
    assert_eq!(asked(&sim), (places::GAUGE, vec![STACK_END, 6, half, 0, 0, 0, 0]));
    assert_eq!(sim.answer(-5).unwrap(), Turn::Returned);
    assert_eq!(answers(&sim), [12, i64::from(-5i32 as u32)]);
}
