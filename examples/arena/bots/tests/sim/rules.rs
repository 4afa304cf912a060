//! The game as it is played: rules, fuel, determinism.

use crate::host::{module, module_path};
use crate::table::Table;

const ENDLESS: &str = "score_limit=0";

#[test]
fn sixteen_players_fight_for_minutes_by_the_rules() {
    let mut table = Table::of(16, ENDLESS, 7, 30);
    table.play(4000);
    println!("most fuel in a tick with 16 players: {}", table.most_fuel);
    assert!(table.most_fuel < 1_000_000, "{}", table.most_fuel);
    for seat in &table.seats {
        assert!(seat.tally.moved(), "player {}: {}", seat.player, seat.tally);
        assert_eq!(seat.tally.states, 4000);
        assert_eq!(seat.tally.seen.len(), 16, "everyone saw everyone");
    }
    let total =
        |figure: fn(&crate::table::Seat) -> u64| table.seats.iter().map(figure).sum::<u64>();
    assert!(total(|seat| seat.tally.hits) > 500, "shots meet players");
    assert!(total(|seat| seat.tally.kills) > 100, "players die");
    assert_eq!(total(|seat| seat.tally.kills), total(|seat| seat.tally.deaths));
}

#[test]
fn the_rules_hold_at_every_tick_rate_and_in_every_arena() {
    for tick_hz in [1, 7, 20, 60, 128, 240] {
        Table::of(6, ENDLESS, 11, tick_hz).play(600);
    }
    for config in ["width=800 height=600 boulders=12", "width=4000\nheight=4000\n", "boulders=0"] {
        for seed in 0..20 {
            Table::of(16, config, seed, 20).play(40);
        }
    }
}

#[test]
fn the_same_match_gives_the_same_bytes_and_another_seed_gives_others() {
    let play = |seed| {
        let mut table = Table::of(8, ENDLESS, seed, 30);
        table.play(900);
        (table.sim.hash(), table.transcript)
    };
    let (first, again, other) = (play(3), play(3), play(4));
    assert!(first == again, "the same seed and inputs give the same transcript");
    assert_ne!(first.0, other.0);
    assert!(first.1 != other.1);
}

#[test]
fn the_digest_changes_with_the_state_and_only_with_it() {
    let mut table = Table::of(2, ENDLESS, 5, 30);
    table.play(10);
    let before = table.sim.hash();
    assert_eq!(table.sim.hash(), before, "asking changes nothing");
    table.play(1);
    assert_ne!(table.sim.hash(), before);
}

#[test]
fn the_module_is_small_and_imports_only_the_surface() {
    let size = std::fs::metadata(module_path()).unwrap().len();
    assert!(size < 90_000, "the documented curl carries at most about 96 KiB: {size}");
    for import in module().imports() {
        assert_eq!(import.module(), "env");
        assert!(import.name().starts_with("lattice_ms_"), "{}", import.name());
    }
}
