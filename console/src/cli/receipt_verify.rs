//! `lattice receipt verify`: reads a receipt and what is to be held against it, and tells what was
//! found, thing by thing. `receipt_check` compares. Never asks a server.

use std::{fs, path::PathBuf};

use clap::Args;

use super::{
    CliError,
    receipt_check::{Check, Halt},
    scan,
    terminal::{self, Tone, paint, printable},
};
use crate::receipt::PublicKey;

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The receipt
    file: PathBuf,
    /// The public key of the host, its KEYID.pub; one of several, where given more than once
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// The module that the receipt is of, or that the match ran
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// The match's input log; with the module, the match is run again
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The host's policy; without it the one that ships with lattice
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub(super) fn run(args: &Verify) -> Result<(), CliError> {
    let receipt = read(&args.file)?;
    let keys = args.keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let mut check = Check {
        module: args.module.as_ref().map(read).transpose()?,
        log: args.log.as_ref().map(read).transpose()?,
        policy: scan::policy(args.policy.as_deref())?,
        passed: Vec::new(),
    };
    let halted = check.receipt(&receipt, &keys).err();
    let mut lines: Vec<_> =
        check.passed.iter().map(|(place, text)| line("yes", place, text)).collect();
    let outcome = match halted {
        None => Ok(()),
        Some(Halt::Failed(error)) => Err(error),
        Some(Halt::No { place, why }) => {
            lines.push(line("no", place, &why));
            Err(CliError::Refused)
        }
    };
    terminal::print(&(lines.join("\n") + "\n"))?;
    outcome
}

fn read(path: &PathBuf) -> Result<Vec<u8>, CliError> {
    fs::read(path).map_err(CliError::unreadable(path))
}

fn key(path: &PathBuf) -> Result<PublicKey, CliError> {
    let text = fs::read_to_string(path).map_err(CliError::unreadable(path))?;
    let bad = || CliError::usage(format!("{}: no Ed25519 public key in PEM", path.display()));
    PublicKey::from_pem(&text).ok_or_else(bad)
}

fn line(answer: &str, place: &str, text: &str) -> String {
    let tone = if answer == "yes" { Tone::Good } else { Tone::Bad };
    let answer = paint(tone, &format!("{answer:<3}"));
    format!("{answer}  {place:<9}  {}", printable(text))
}
