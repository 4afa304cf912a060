//! Web fetches as a sim meets them: what is answered at once, what leaves, what comes back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use lattice_policies::{
    Code, PlayerId,
    egress::{EgressPolicy, GameEgress, Rules},
    policy::MatchLimits,
};
use lattice_surface::{Call, Event, FetchCall, HEADER_BYTES, Phase, SharedRules, Surface};
use lattice_surface::{Refused, response_payload};

const GET: u32 = 0;
const POST: u32 = 2;
const IN_FLIGHT: usize = 8;

/// A surface in a tick, whose game may fetch from the entries.
struct Sim {
    surface: Surface,
    rules: Arc<SharedRules>,
    memory: Vec<u8>,
}

fn rules(entries: &[&str]) -> Rules {
    let allow = entries.iter().map(|entry| entry.parse().unwrap()).collect();
    Rules::new(&EgressPolicy::default(), &GameEgress { allow, ..GameEgress::default() }).unwrap()
}

impl Sim {
    fn allowing(entries: &[&str]) -> Self {
        let rules = Arc::new(SharedRules::new(rules(entries)));
        let limits = Arc::new(MatchLimits::default());
        let mut surface = Surface::new(limits, Arc::from([]), Arc::clone(&rules));
        surface.begin(Phase::Tick);
        Self { surface, rules, memory: vec![0; 64 << 10] }
    }

    fn request(&mut self, method: u32, url: &str, headers: &str, body: &str) -> i32 {
        let mut at = 0;
        let mut place = |text: &str| {
            self.memory[at..at + text.len()].copy_from_slice(text.as_bytes());
            at += text.len();
            ((at - text.len()) as u32, text.len() as u32)
        };
        let (url, headers, body) = (place(url), place(headers), place(body));
        self.act(Call::HttpRequest(FetchCall { method, url, headers, body }))
    }

    fn get(&mut self, url: &str) -> i32 {
        self.request(GET, url, "", "")
    }

    fn act(&mut self, call: Call) -> i32 {
        self.surface.act(&call, &mut self.memory)
    }

    fn respond(&mut self, id: u32) {
        let payload = response_payload(b"a: b\n", b"body");
        self.surface.push(Event::Response { id, status: 200, payload }).unwrap();
    }

    fn refused(&mut self) -> Vec<(Code, u64)> {
        self.surface.take_refused().iter().map(|refused| (refused.code, refused.count)).collect()
    }
}

#[test]
fn an_accepted_request_has_an_id_and_leaves_as_it_was_asked() {
    let mut sim = Sim::allowing(&["api.example.com:443"]);
    assert_eq!(sim.get("https://api.example.com/top?n=3"), 1);
    let headers = "Content-Type: text/plain\n";
    assert_eq!(sim.request(POST, "https://API.example.com:443/add", headers, "7"), 2);
    sim.surface.commit();

    let fetches = sim.surface.take_fetches();
    let ids: Vec<_> = fetches.iter().map(|fetch| fetch.id).collect();
    assert_eq!(ids, [1, 2]);
    let permit = &fetches[1].permit;
    assert_eq!(permit.origin().to_string(), "https://api.example.com:443");
    assert_eq!((permit.method().as_str(), permit.path_and_query()), ("POST", "/add"));
    assert_eq!(permit.body(), b"7");
    assert_eq!(fetches[0].permit.path_and_query(), "/top?n=3");
    assert!(sim.surface.take_fetches().is_empty(), "each leaves once");
    assert!(sim.surface.take_refused().is_empty());
}

#[test]
fn a_refusal_comes_at_once_and_is_counted_by_its_reason() {
    let mut sim = Sim::allowing(&["api.example.com:443"]);
    for _ in 0..3 {
        assert_eq!(sim.get("https://evil.test/"), Code::HttpNotAllowed.value());
    }
    assert_eq!(sim.get("https://api.example.com@evil.test/"), Code::HttpBadRequest.value());
    assert_eq!(sim.request(7, "https://api.example.com/", "", ""), Code::HttpBadRequest.value());
    let host = sim.request(GET, "https://api.example.com/", "Host: evil.test\n", "");
    assert_eq!(host, Code::HttpBadRequest.value());

    let counted = [
        (Code::HttpNotAllowed, 3),
        (Code::HttpBadRequest, 1),
        (Code::HttpBadRequest, 1),
        (Code::HttpBadRequest, 1),
    ];
    assert_eq!(sim.refused(), counted);
    assert!(sim.surface.take_fetches().is_empty());
}

#[test]
fn a_sim_that_is_refused_ten_thousand_times_leaves_a_short_list() {
    let mut sim = Sim::allowing(&[]);
    for n in 0..10_000 {
        assert_eq!(sim.get(&format!("https://h{n}.test/")), Code::HttpNotAllowed.value());
    }
    let refused: Vec<Refused> = sim.surface.take_refused();
    assert_eq!(refused.len(), 17);
    let apart = refused.last().unwrap();
    assert_eq!((apart.code, &apart.refusal), (Code::HttpNotAllowed, &None));
    assert_eq!(refused.iter().map(|refused| refused.count).sum::<u64>(), 10_000);
}

#[test]
fn a_request_is_in_flight_until_its_response_is_pulled() {
    let mut sim = Sim::allowing(&["api.example.com:443"]);
    let url = "https://api.example.com/";
    for id in 1..=IN_FLIGHT as i32 {
        assert_eq!(sim.get(url), id);
    }
    assert_eq!(sim.get(url), Code::HttpTooMany.value());
    assert_eq!(sim.get("https://evil.test/"), Code::HttpNotAllowed.value(), "the rules come first");
    sim.surface.commit();
    assert_eq!(sim.surface.take_fetches().len(), IN_FLIGHT);

    sim.surface.begin(Phase::Tick);
    sim.respond(3);
    assert_eq!(sim.get(url), Code::HttpTooMany.value(), "the response is there and not pulled");
    assert!(sim.act(Call::EventNext { ptr: 0, cap: 4_096 }) > 0);
    assert_eq!(sim.get(url), IN_FLIGHT as i32 + 1);
    assert_eq!(sim.get(url), Code::HttpTooMany.value());
}

#[test]
fn a_change_of_the_rules_holds_at_the_next_call() {
    let mut sim = Sim::allowing(&[]);
    let url = "https://api.example.com/";
    assert_eq!(sim.get(url), Code::HttpNotAllowed.value());
    sim.rules.set(rules(&["api.example.com:443"]));
    assert_eq!(sim.get(url), 1);
    sim.rules.set(rules(&["other.example.com:443"]));
    assert_eq!(sim.get(url), Code::HttpNotAllowed.value());
}

#[test]
fn nothing_leaves_from_a_faulted_call_and_its_refusals_are_told() {
    let mut sim = Sim::allowing(&["api.example.com:443"]);
    assert_eq!(sim.get("https://api.example.com/"), 1);
    assert_eq!(sim.get("https://evil.test/"), Code::HttpNotAllowed.value());
    sim.surface.discard();
    assert!(sim.surface.take_fetches().is_empty());
    assert_eq!(sim.refused(), [(Code::HttpNotAllowed, 1)]);
}

#[test]
fn a_response_is_an_event_with_header_lines_and_body() {
    let mut sim = Sim::allowing(&[]);
    sim.respond(5);
    let failed = Code::HttpTimeout.value();
    let payload = response_payload(b"", b"");
    sim.surface.push(Event::Response { id: 6, status: failed, payload }).unwrap();

    let size = HEADER_BYTES + 4 + 9;
    assert_eq!(sim.act(Call::EventPeek), size as i32);
    assert_eq!(sim.act(Call::EventNext { ptr: 0, cap: 4_096 }), size as i32);
    let mut expected =
        vec![4, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0];
    expected.extend_from_slice(b"\x05\0\0\0a: b\nbody");
    assert_eq!(sim.memory[..size], expected);

    let size = HEADER_BYTES + 4;
    assert_eq!(sim.act(Call::EventNext { ptr: 0, cap: 4_096 }), size as i32);
    assert_eq!(sim.memory[12..16], 6_u32.to_le_bytes());
    assert_eq!(sim.memory[16..20], failed.to_le_bytes());
    assert_eq!(sim.memory[24..28], [0; 4]);
}

#[test]
fn responses_find_room_where_messages_do_not() {
    let limits = MatchLimits { event_queue_events: 1, ..MatchLimits::default() };
    let mut surface = Surface::new(Arc::new(limits), Arc::from([]), Arc::default());
    surface.begin(Phase::Tick);
    let message = || Event::Message { player: PlayerId(1), bytes: "m".into() };
    assert!(surface.push(message()).is_ok());
    assert!(surface.push(message()).is_err());
    let payload = response_payload(b"", &vec![0; 100_000]);
    assert!(surface.push(Event::Response { id: 1, status: 200, payload }).is_ok());
}

#[test]
fn the_price_counts_what_is_looked_at_and_is_due_before_any_refusal() {
    let sim = Sim::allowing(&[]);
    let price = |url, headers, body| {
        let part = |len| (0, len);
        let (url, headers, body) = (part(url), part(headers), part(body));
        sim.surface.price(&Call::HttpRequest(FetchCall { method: GET, url, headers, body }))
    };
    let fixed = price(0, 0, 0);
    assert_eq!(price(10, 20, 30), fixed + 60);
    let most = u64::from((8_u32 + 16 + 256) << 10);
    assert_eq!(price(u32::MAX, u32::MAX, u32::MAX), fixed + most);
}
