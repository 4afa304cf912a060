//! `lattice scan`: says offline what the console would say to a module.
//! Never asks a server; the decision and the answer are the console's own code.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use lattice_policies::{
    Policy,
    admission::{self, Packaging},
};

use super::{CliError, terminal, verdict::verdict};
use crate::{answers::AdmissionAnswer, config::load_policy, http::error::ApiError};

/// Say what the console would say to a module, offline.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code: 0 admitted, 1 refused, 2 if the file or the policy cannot be read.

Examples:
  lattice scan game_sim.wasm
  lattice scan game_sim.so
  lattice scan game_sim.wasm --json | jq -r '.Reasons[].Detail'
  lattice scan game_sim.wasm --policy /etc/lattice/policy.toml")]
pub(crate) struct Scan {
    /// The module: a core WebAssembly module in its binary form, or a native one, told by its bytes
    file: PathBuf,
    /// Print the same JSON object as an upload would be answered with
    #[arg(long)]
    json: bool,
    /// The policy whose limits count; without it the one that ships with lattice
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub(crate) fn run(args: &Scan) -> Result<(), CliError> {
    let policy = policy(args.policy.as_deref())?;
    let bytes = fs::read(&args.file).map_err(CliError::unreadable(&args.file))?;
    let outcome = admission::scan(Packaging::of(&bytes), bytes, &policy);
    let answer = match &outcome {
        Ok(admitted) => serde_json::to_value(AdmissionAnswer::from(admitted)),
        Err(rejection) => Ok(ApiError::Refused(Box::new(rejection.clone())).problem()),
    };
    let answer = answer.map_err(CliError::failed)?;
    let text = if args.json { format!("{answer}\n") } else { verdict(&answer) };
    terminal::print(&text)?;
    outcome.map(|_| ()).map_err(|_| CliError::Refused)
}

/// The policy of that file, or the one that ships with lattice.
pub(super) fn policy(path: Option<&Path>) -> Result<Policy, CliError> {
    Ok(path.map(load_policy).transpose()?.unwrap_or_default())
}
