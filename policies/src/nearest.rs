//! The nearest known name to one that is unknown: every "did you mean" of the platform.

/// The known name nearest to `unknown`, if one is near enough to be what was meant.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR_ENOUGH: f64 = 0.75;
    let likeness = |name: &str| strsim::jaro_winkler(&unknown.to_lowercase(), &name.to_lowercase());
    known
        .into_iter()
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let known = ["tick_fuel", "init_fuel", "players"];
        for (unknown, near) in [
            ("tick_fule", Some("tick_fuel")),
            ("TICK_FUEL", Some("tick_fuel")),
            ("initfuel", Some("init_fuel")),
            ("player", Some("players")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(unknown, known), near, "{unknown:?}");
        }
        assert_eq!(nearest("tick_fuel", []), None);
    }
}
