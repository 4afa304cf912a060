//! `lattice build`: one source, the module, its native twin and the shared object for the native
//! tier, by commands that are shown. Never looks into what was built, but by the scan of an upload.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;
use lattice_policies::{
    Policy,
    admission::{self, Packaging},
};

use super::{
    CliError, build_flags::refusal, build_libcxx::not_run, build_words::Source, dev::headers_above,
    shell::pasted, terminal, verdict::verdict,
};
use crate::http::error::ApiError;

/// Build a sim's module, and the same source as a native program and a shared object.
#[derive(Debug, Args)]
#[command(after_help = "\
The commands are shown as they are run, and can be pasted. Flags behind -- go to all of them;
-fsanitize goes to the native program alone. Flags by which what is built would differ are refused.
A source that includes <vector>, <string> and the like is built with libc++, in all of them.
The shared object is for the server's native tier, and is scanned as an upload of it would be.
Exit code: 0 built, 1 the compiler failed, a library is not installed or the shared object would be
refused, 2 bad usage.

Examples:
  lattice build game_sim.cpp -o out                  # out/game_sim.wasm
  lattice build game_sim.cpp -o out --native         # and out/game_sim, for a debugger, and
                                                     # out/game_sim.so, for the native tier
  lattice build game_sim.c --native -- -O0 -g -fsanitize=address,undefined
  lattice verify --wasm out/game_sim.wasm --native out/game_sim")]
pub(crate) struct Build {
    /// The sim: a .c, .cc, .cpp or .cxx file
    sim: PathBuf,
    /// The folder for what is built; it is made if there is none
    #[arg(short = 'o', value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Build the native program and the shared object too
    #[arg(long)]
    native: bool,
    /// Build with libc++ though no header asks for it: <algorithm> and <memory> are then libc++'s
    #[arg(long)]
    libcxx: bool,
    /// liblattice_runner.a [default: the one beside this command]
    #[arg(long, value_name = "FILE", requires = "native")]
    runner: Option<PathBuf>,
    /// The folder of lattice_managed.h [default: an include/ folder beside the source or above it]
    #[arg(long, value_name = "DIR", env = "LATTICE_INCLUDE")]
    include: Option<PathBuf>,
    /// Flags for the compiler
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

const RUNNER: &str = "liblattice_runner.a";

pub(crate) fn run(args: &Build) -> Result<(), CliError> {
    if let Some(refused) = args.flags.iter().find_map(|flag| refusal(flag)) {
        return Err(CliError::Usage(refused));
    }
    let file = args.sim.as_path();
    let place = file.canonicalize().map_err(CliError::unreadable(file))?;
    let include = args.include.clone().map_or_else(|| include_above(&place), Ok)?;
    let mut source = Source::new(file, include, &args.flags)?;
    let runner = args.native.then(|| runner(args)).transpose()?;
    let found = source.find_libcxx(args.libcxx, args.native)?;
    fs::create_dir_all(&args.output).map_err(CliError::unreadable(&args.output))?;
    found.map_or(Ok(()), |found| terminal::line(&format!("# {found}")))?;

    let place = |kind| args.output.join(file.with_extension(kind).file_name().unwrap_or_default());
    show_and_run("clang", &source.wasm(&place("wasm")))?;
    let Some(runner) = runner else { return Ok(()) };
    show_and_run(source.native_compiler(), &source.native(&place(""), &runner))?;
    let object = place("so");
    show_and_run("clang", &source.cell(&object))?;
    check(&object)
}

/// What an upload of the shared object would be refused for, under the policy that ships with
/// lattice, with every reason and what to do.
fn check(object: &Path) -> Result<(), CliError> {
    let bytes = fs::read(object).map_err(CliError::unreadable(object))?;
    let Err(rejection) = admission::scan(Packaging::Native, bytes, &Policy::default()) else {
        return Ok(());
    };
    terminal::line(&format!("# an upload of {} would be", object.display()))?;
    terminal::print(&verdict(&ApiError::Refused(Box::new(rejection)).problem()))?;
    Err(CliError::Refused)
}

fn runner(args: &Build) -> Result<PathBuf, CliError> {
    let runner = args.runner.clone().map_or_else(runner_beside, Ok)?;
    if runner.is_file() {
        return Ok(runner);
    }
    let path = runner.display();
    Err(CliError::usage(format!(
        "{path} is not there: `cargo build -p lattice-runner` in lattice's source builds it beside \
         the `lattice` command, and --runner names another place"
    )))
}

fn include_above(source: &Path) -> Result<PathBuf, CliError> {
    headers_above(source).ok_or_else(|| {
        CliError::usage("there is no include/ folder with lattice_managed.h above the source: name it with --include")
    })
}

fn runner_beside() -> Result<PathBuf, CliError> {
    Ok(env::current_exe().map_err(CliError::failed)?.with_file_name(RUNNER))
}

/// Shows a command and runs it.
fn show_and_run(compiler: &str, words: &[String]) -> Result<(), CliError> {
    terminal::line(&pasted(compiler, words))?;
    compile(compiler, words)
}

/// Runs a compiler, whose complaints go to stderr as they come. Blocks.
pub(super) fn compile(compiler: &str, words: &[String]) -> Result<(), CliError> {
    let status = Command::new(compiler).args(words).status();
    let status = status.map_err(|error| not_run(compiler, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(CliError::failed(format!("{compiler} failed ({status})")))
}
