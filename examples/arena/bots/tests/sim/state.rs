//! The state as bytes: a sim that loads what another saved goes on as that one does, and what is no
//! state is refused.

use crate::host::{LEAVE, Sim};
use crate::table::Table;

#[test]
fn who_loads_what_another_saved_plays_the_same_match_on() {
    let mut table = Table::of(16, "boulders=12 score_limit=0", 5, 30);
    table.play(400);
    assert!(
        table.sim.platform().gauges.iter().any(|(name, shots)| name == "shots" && *shots > 0.0)
    );
    table.sim.event(LEAVE, 3, b"");
    table.seats.retain(|seat| seat.player != 3);
    table.play(1);

    let (code, state) = table.sim.save();
    assert_eq!(code, 0);
    let mut other = Sim::start("boulders=12 score_limit=0", 5, 30);
    assert_eq!(other.load(&state, 401), 0, "{:?}", other.platform().log);
    assert_eq!(other.hash(), table.sim.hash());
    assert_eq!(other.save(), (0, state), "saved again, it is the same");
    other.hear(&table.sim);
    for tick in 401..700 {
        assert_eq!(table.sim.tick(), other.tick(), "tick {tick}");
        assert_eq!(table.sim.hash(), other.hash(), "after tick {tick}");
    }
}

#[test]
fn what_is_no_state_is_refused() {
    let mut table = Table::of(2, "", 5, 30);
    table.play(100);
    let (_, state) = table.sim.save();
    let refused = |state: &[u8]| {
        let mut sim = Sim::start("", 5, 30);
        let code = sim.load(state, 100);
        assert_eq!(sim.platform().log.last().unwrap(), "the saved state is not of format 1");
        code
    };
    let other_format = [&[2, 0], &state[2..]].concat();
    let longer = [&state[..], &[0]].concat();
    for state in [b"", &state[..1], &state[..state.len() - 1], &longer, &other_format] {
        assert_eq!(refused(state), -2);
    }
    // No bytes make it write beyond its arrays: the worst is another match.
    for at in (2..state.len()).step_by(7) {
        let mut bent = state.clone();
        bent[at] ^= 0xff;
        let mut sim = Sim::start("", 5, 30);
        assert!([0, -2].contains(&sim.load(&bent, 100)), "byte {at}");
    }
}
