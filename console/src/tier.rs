//! The native tier, as the console sets it up and tells of it: at the start, in `/readyz`, and to whoever
//! asks for what needs it. Never raises a barrier, and never decides which are enough.

use std::{
    env,
    path::{Path, PathBuf},
};

use lattice_host::{CellSettings, EnclosureKind, NativeTier};
use lattice_policies::{admission::Packaging, isolation::Isolation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::{NativeEnclosure, ServerConfig};

/// The program that a native sim runs in.
const CELL: &str = "lattice-cell";

/// What native sims run in, as the configuration says.
pub(crate) fn enclosure(config: &ServerConfig) -> EnclosureKind {
    match config.native_enclosure {
        NativeEnclosure::Cell => EnclosureKind::Cell,
        NativeEnclosure::MicroVm => EnclosureKind::MicroVm,
    }
}

/// What cells are made of, as the configuration says.
pub(crate) fn cells(config: &ServerConfig) -> CellSettings {
    CellSettings {
        program: named(&config.native_cell).unwrap_or_else(beside_command),
        slots: config.native_slots,
        spin_cpus: config.native_spin_cpus.clone(),
        cgroup: named(&config.native_cgroup),
    }
}

/// Whether builds of that packaging are run here; otherwise why not, and what would change it.
pub(crate) fn require(tier: &NativeTier, packaging: Packaging) -> Result<(), String> {
    match (packaging, tier) {
        (Packaging::Wasm, _) | (_, NativeTier::Ready(_)) => Ok(()),
        (Packaging::Native, NativeTier::Off) => Err(format!("{NONE}: {OFF}")),
        (Packaging::Native, NativeTier::Refused(why)) => Err(format!("{NONE}: {why}. {MINIMUM}")),
    }
}

const NONE: &str = "this host runs no native sims";
const OFF: &str =
    "its native tier is off; `enabled = true` under [native] in the policy turns it on";
const MINIMUM: &str = "`minimum` under [native] in the policy says which barriers must stand";

/// The tier in one line, for the operator.
pub(crate) fn words(tier: &NativeTier) -> String {
    match tier {
        NativeTier::Off => "off".to_owned(),
        NativeTier::Refused(why) => format!("REFUSED, native sims are not run: {why}"),
        NativeTier::Ready(isolation) => format!("ready, behind {isolation}"),
    }
}

/// Whether native sims are run here, and behind which barriers. Why not is for the operator, who finds
/// it in the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TierAnswer {
    /// `off`: the policy wants none; `refused`: it does, and this machine lacks something; `ready`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    isolation: Option<Isolation>,
}

impl From<&NativeTier> for TierAnswer {
    fn from(tier: &NativeTier) -> Self {
        match tier {
            NativeTier::Off => Self { state: "off", isolation: None },
            NativeTier::Refused(_) => Self { state: "refused", isolation: None },
            NativeTier::Ready(stand) => Self { state: "ready", isolation: Some(stand.clone()) },
        }
    }
}

/// A path that is set.
fn named(path: &Path) -> Option<PathBuf> {
    (!path.as_os_str().is_empty()).then(|| path.to_owned())
}

/// Where a build leaves it. A command that does not know where it is finds none, and the tier says so.
fn beside_command() -> PathBuf {
    env::current_exe().map_or_else(|_| CELL.into(), |command| command.with_file_name(CELL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_that_is_not_there_says_why_and_what_would_change_it() {
        let refused = NativeTier::Refused("these barriers lack: cgroup".into());
        let ready = NativeTier::Ready(Isolation::all());
        for tier in [&NativeTier::Off, &refused, &ready] {
            assert_eq!(require(tier, Packaging::Wasm), Ok(()), "wasm goes on");
        }
        assert_eq!(require(&ready, Packaging::Native), Ok(()));
        let off = require(&NativeTier::Off, Packaging::Native).unwrap_err();
        assert!(off.contains("`enabled = true` under [native]"), "{off}");
        let why = require(&refused, Packaging::Native).unwrap_err();
        assert!(why.contains("cgroup") && why.contains("`minimum` under [native]"), "{why}");
    }

    #[test]
    fn strangers_are_told_the_state_and_not_the_reason() {
        let answer = |tier: &NativeTier| serde_json::to_string(&TierAnswer::from(tier)).unwrap();
        assert_eq!(answer(&NativeTier::Off), r#"{"State":"off"}"#);
        assert_eq!(answer(&NativeTier::Refused("no /dev".into())), r#"{"State":"refused"}"#);
        let ready = answer(&NativeTier::Ready(Isolation::all()));
        assert!(ready.starts_with(r#"{"State":"ready","Isolation":["seccomp","clock""#), "{ready}");
    }

    #[test]
    fn the_cell_is_beside_the_command_where_nothing_else_is_named() {
        let config = ServerConfig::default();
        let cells = cells(&config);
        assert_eq!(cells.program, env::current_exe().unwrap().with_file_name(CELL));
        assert_eq!(cells.cgroup, None);
        let named = ServerConfig { native_cell: "/opt/cell".into(), ..config };
        assert_eq!(super::cells(&named).program, Path::new("/opt/cell"));
    }
}
