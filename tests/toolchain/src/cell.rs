//! A sim's shared object in a process of its own, which makes the calls of a script. Never a cell of
//! the host's: what runs here is these tests' own code, and nothing holds it.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

use crate::compile;

/// A shared object, and the calls that it is to make, in order.
pub(crate) struct Cell {
    folder: tempfile::TempDir,
    script: String,
}

impl Cell {
    /// Built by clang at `-O2`.
    pub(crate) fn new(source: &Path) -> Self {
        Self::of("clang", &["-O2"], source)
    }

    /// Built by clang or gcc, with an arena that is there when the constructors run.
    pub(crate) fn of(compiler: &str, flags: &[&str], source: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arena = folder.path().join("arena.o");
        compile::unit(&native("arena.c"), &arena);
        // To the linker alone: among the flags may be the language of the sources.
        let arena = format!("-Wl,{}", arena.display());
        let flags = [flags, &[arena.as_str()]].concat();
        compile::object(compiler, &flags, &[source], &folder.path().join("sim.so"));
        compile::program(&native("cell.c"), &folder.path().join("cell"));
        Self { folder, script: String::new() }
    }

    /// Adds a call whose answer is an integer, by its bits; the integers stand before the doubles.
    pub(crate) fn integer(&mut self, name: &str, integers: &[i64], doubles: &[f64]) {
        self.call(name, 'i', integers, doubles);
    }

    /// Adds a call whose answer is a double, by its bits.
    pub(crate) fn double(&mut self, name: &str, integers: &[i64], doubles: &[f64]) {
        self.call(name, 'd', integers, doubles);
    }

    /// Adds a text that is written to where the sim keeps its text, which no answer follows.
    pub(crate) fn write(&mut self, text: &str) {
        writeln!(self.script, "write {}00", hex(text)).unwrap();
    }

    /// Adds the reading of that text, whose bytes are the answer.
    pub(crate) fn read(&mut self, len: usize) {
        writeln!(self.script, "read {len}").unwrap();
    }

    /// Makes the calls, and returns a line for each answer, in hexadecimal digits.
    pub(crate) fn run(&self) -> Vec<String> {
        let output = self.run_to_its_end();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", output.status);
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Makes the calls, whatever comes of them.
    pub(crate) fn run_to_its_end(&self) -> Output {
        let script = self.folder.path().join("script");
        std::fs::write(&script, &self.script).unwrap();
        let mut cell = Command::new(self.folder.path().join("cell"));
        cell.arg(self.folder.path().join("sim.so")).stdin(File::open(script).unwrap());
        cell.output().unwrap()
    }

    /// The hash after each of the first ticks.
    pub(crate) fn hashes(mut self, ticks: u32) -> Vec<u64> {
        self.integer("lattice_sim_init", &[7, 60], &[]);
        for tick in 0..ticks {
            self.integer("lattice_sim_tick", &[tick.into()], &[]);
            self.integer("lattice_sim_hash", &[], &[]);
        }
        let answers = self.run();
        let answers: Vec<_> = answers.iter().filter(|line| !line.starts_with("log ")).collect();
        answers
            .iter()
            .skip(2)
            .step_by(2)
            .map(|word| u64::from_str_radix(word, 16).unwrap())
            .collect()
    }

    fn call(&mut self, name: &str, kind: char, integers: &[i64], doubles: &[f64]) {
        const INTEGERS: usize = 3;
        let mut words = integers.iter().map(|word| word.cast_unsigned()).collect::<Vec<_>>();
        words.resize(INTEGERS, 0);
        words.extend(doubles.iter().map(|double| double.to_bits()));
        let words: Vec<String> = words.iter().map(|word| format!("{word:x}")).collect();
        writeln!(self.script, "{name} {kind} {}", words.join(" ")).unwrap();
    }
}

/// A text's bytes, as an answer shows them.
pub(crate) fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

fn native(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("native").join(name)
}
