//! The native program for `lattice verify`: run as a process of its own, and ended when a call of
//! its does not come to its end. Never compares.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use lattice_twin::{Entry, read_transcript};

use super::CliError;

/// How often the transcript is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The native program, and what it is to play.
pub(super) struct Native<'a> {
    pub(super) program: &'a Path,
    pub(super) wasm: &'a Path,
    pub(super) log: &'a Path,
    /// The file of the limits, if they are not those that ship with lattice.
    pub(super) policy: Option<&'a Path>,
    /// For its files.
    pub(super) folder: &'a Path,
    /// A call that takes longer has no end.
    pub(super) patience: Duration,
}

/// What a native program did.
pub(super) struct Played {
    pub(super) entries: Vec<Entry>,
    /// How it ended; `None` if it had to be ended in the middle of a call.
    pub(super) status: Option<ExitStatus>,
    /// The recording, if it came to its end.
    pub(super) recording: Option<Vec<u8>>,
}

impl Native<'_> {
    pub(super) fn play(&self) -> Result<Played, CliError> {
        let [transcript, recording, stderr] =
            ["transcript", "recording", "stderr"].map(|name| self.folder.join(name));
        let mut command = Command::new(self.program);
        command.arg("--inputs").arg(self.log).arg("--transcript").arg(&transcript);
        command.arg("--record").arg(&recording).arg("--wasm").arg(self.wasm);
        command.args(self.policy.iter().flat_map(|policy| [Path::new("--policy"), policy]));
        let said = File::create(&stderr).map_err(CliError::unreadable(&stderr))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let mut process = command.spawn().map_err(CliError::unreadable(self.program))?;
        let status = self.wait(&mut process, &transcript).map_err(CliError::failed)?;
        if let Some(status) = status.filter(|status| status.code().is_some_and(|code| code > 1)) {
            let said = fs::read(&stderr).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            return Err(self.failed(&format!("({status}): {}", said.trim_end())));
        }
        let entries = self.entries(&transcript, status.is_none())?;
        Ok(Played { entries, status, recording: fs::read(recording).ok() })
    }

    /// Waits until the program ends, or its transcript has not grown for too long.
    fn wait(&self, process: &mut Child, transcript: &Path) -> io::Result<Option<ExitStatus>> {
        let size = || fs::metadata(transcript).map_or(0, |about| about.len());
        let (mut seen, mut since) = (size(), Instant::now());
        loop {
            if let Some(status) = process.try_wait()? {
                return Ok(Some(status));
            }
            if since.elapsed() > self.patience {
                process.kill()?;
                process.wait()?;
                return Ok(None);
            }
            thread::sleep(LOOK);
            if size() != seen {
                (seen, since) = (size(), Instant::now());
            }
        }
    }

    fn entries(&self, transcript: &Path, is_stalled: bool) -> Result<Vec<Entry>, CliError> {
        match fs::read(transcript) {
            Ok(bytes) => {
                let bad = |error| self.failed(&format!("wrote a bad transcript: {error}"));
                read_transcript(&bytes).map_err(bad)
            }
            // A static constructor that never ends comes before `main`.
            Err(_) if is_stalled => Ok(Vec::new()),
            Err(_) => Err(self.failed(NO_TWIN)),
        }
    }

    fn failed(&self, why: &str) -> CliError {
        CliError::Failed(format!("{} {why}", self.program.display()))
    }
}

const NO_TWIN: &str = "wrote no transcript: `lattice build --native` makes programs that do";
