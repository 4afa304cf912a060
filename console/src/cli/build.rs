//! `lattice build`: one source, the module and its native twin, by commands that are shown.
//! Never looks into what was built.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;

use super::{
    CliError,
    build_flags::{is_native_only, refusal},
    dev::headers_above,
    shell::pasted,
    terminal,
};

/// Build a sim's module, and the same source as a native program.
#[derive(Debug, Args)]
#[command(after_help = "\
The commands are shown as they are run, and can be pasted. Flags behind -- go to both of them;
-fsanitize goes to the native one. Flags by which the two programs would differ are refused.
Exit code: 0 built, 1 the compiler failed, 2 bad usage.

Examples:
  lattice build game_sim.cpp -o out                  # out/game_sim.wasm
  lattice build game_sim.cpp -o out --native         # and out/game_sim, for a debugger
  lattice build game_sim.c --native -- -O0 -g -fsanitize=address,undefined
  lattice verify --wasm out/game_sim.wasm --native out/game_sim")]
pub(crate) struct Build {
    /// The sim: a .c, .cc, .cpp or .cxx file
    sim: PathBuf,
    /// The folder for what is built; it is made if there is none
    #[arg(short = 'o', value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Build the native program too
    #[arg(long)]
    native: bool,
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

/// The documented command's words, with the stack where an overflow of it faults.
const WASM: &str = "--target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined \
                    -Wl,--stack-first -Wl,-z,stack-size=1048576 -O2";
/// What the header promises equality under; it stands behind the author's own flags.
const NATIVE: &str = "-ffp-contract=off -fno-math-errno -fsigned-char -fwrapv";
const RUNNER: &str = "liblattice_runner.a";

pub(crate) fn run(args: &Build) -> Result<(), CliError> {
    if let Some(refused) = args.flags.iter().find_map(|flag| refusal(flag)) {
        return Err(CliError::Usage(refused));
    }
    let source = Source::new(args)?;
    let native = args.native.then(|| source.native(args)).transpose()?;
    fs::create_dir_all(&args.output).map_err(CliError::unreadable(&args.output))?;
    compile("clang", &source.wasm(args))?;
    native.map_or(Ok(()), |words| compile(source.compiler(), &words))
}

/// A source file, and what it is compiled with.
struct Source<'a> {
    file: &'a Path,
    /// Of what is built.
    name: String,
    include: PathBuf,
    is_c: bool,
}

impl<'a> Source<'a> {
    fn new(args: &'a Build) -> Result<Self, CliError> {
        let file = args.sim.as_path();
        let kind = file.extension().and_then(|kind| kind.to_str());
        if !matches!(kind, Some("c" | "cc" | "cpp" | "cxx")) {
            return Err(CliError::Usage(format!("{} is neither C nor C++", file.display())));
        }
        let place = file.canonicalize().map_err(CliError::unreadable(file))?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let include = args.include.clone().map_or_else(|| include_above(&place), Ok)?;
        Ok(Self { file, name, include, is_c: kind == Some("c") })
    }

    fn wasm(&self, args: &Build) -> Vec<String> {
        let mut words = split(WASM);
        words.extend(args.flags.iter().filter(|flag| !is_native_only(flag)).cloned());
        words.extend(self.places(&args.output.join(format!("{}.wasm", self.name))));
        words
    }

    fn native(&self, args: &Build) -> Result<Vec<String>, CliError> {
        let runner = args.runner.clone().map_or_else(runner_beside, Ok)?;
        if !runner.is_file() {
            let path = runner.display();
            return Err(CliError::usage(format!(
                "{path} is not there: `cargo build -p lattice-runner` in lattice's source builds \
                 it beside the `lattice` command, and --runner names another place"
            )));
        }
        let mut words = split("-O2 -g");
        words.extend_from_slice(&args.flags);
        words.extend(split(NATIVE));
        words.extend(self.places(&args.output.join(&self.name)));
        words.extend([runner.display().to_string(), "-lm".to_owned()]);
        Ok(words)
    }

    fn places(&self, to: &Path) -> [String; 4] {
        let text = |path: &Path| path.display().to_string();
        [format!("-I{}", text(&self.include)), "-o".to_owned(), text(to), text(self.file)]
    }

    /// For the native program: the one for C++ links the library that `operator new` is in.
    fn compiler(&self) -> &'static str {
        if self.is_c { "clang" } else { "clang++" }
    }
}

fn include_above(source: &Path) -> Result<PathBuf, CliError> {
    headers_above(source).ok_or_else(|| {
        CliError::usage("there is no include/ folder with lattice_managed.h above the source: name it with --include")
    })
}

fn runner_beside() -> Result<PathBuf, CliError> {
    Ok(env::current_exe().map_err(CliError::failed)?.with_file_name(RUNNER))
}

fn split(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

/// Shows a command and runs it. The compiler's complaints go to stderr as they come.
fn compile(compiler: &str, words: &[String]) -> Result<(), CliError> {
    terminal::line(&pasted(compiler, words))?;
    let status = Command::new(compiler).args(words).status().map_err(|error| {
        CliError::failed(format!("{compiler} cannot be run ({error}): apt-get install clang lld"))
    })?;
    if status.success() {
        return Ok(());
    }
    Err(CliError::failed(format!("{compiler} failed ({status})")))
}
