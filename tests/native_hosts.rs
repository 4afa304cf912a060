//! The kinds of hosts that native sims are run on: root's and a plain user's, with user namespaces
//! and without. Each serves from a folder of its own, which that user can reach, by programs there.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    app::{App, serve},
    tally,
};

/// A user and group that own nothing, as every Linux numbers them.
const NOBODY: u32 = 65534;

/// Many matches are started and looked at by one token.
const CONFIG: &str = "\
address_requests_per_second = 100000
address_requests_burst = 100000
token_requests_per_second = 100000
token_requests_burst = 100000";

/// A kind of host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// As whoever runs the tests.
    Tests,
    /// As a user without rights.
    Plain,
    /// As root of a namespace in which no further ones of users can be made.
    RootAlone,
    /// As a user without rights, where there are no namespaces to be had.
    PlainAlone,
}

impl Host {
    /// The kinds that this machine lets the tests be. Says on stderr which are left out, and why.
    pub(crate) fn kinds() -> Vec<Self> {
        let is_left_out = |host: &Self| {
            let why = host.lacks();
            if let Some(why) = why {
                // Past the capture of the tests' output: nobody shall miss it.
                let _ = writeln!(io::stderr(), "{host:?} is left out: {why}");
            }
            why.is_some()
        };
        let all = [Self::Tests, Self::Plain, Self::RootAlone, Self::PlainAlone];
        all.into_iter().filter(|host| !is_left_out(host)).collect()
    }

    fn lacks(self) -> Option<&'static str> {
        let makes_users = || runs(Command::new("unshare").args(["--user", "true"]));
        match self {
            Self::Tests => None,
            Self::Plain if !is_root() => Some("the tests' user is a plain one already"),
            Self::RootAlone if !is_root() => Some("the tests are not run by root"),
            Self::Plain if !runs(Command::new("setpriv").args(["--reuid", "65534", "true"])) => {
                Some("setpriv can't change the user")
            }
            Self::RootAlone | Self::PlainAlone if !makes_users() => {
                Some("unshare can't make a user namespace")
            }
            _ => None,
        }
    }

    /// The barriers that lack under the shipped policy.
    pub(crate) fn lacking(self) -> &'static str {
        match self {
            Self::Tests | Self::Plain => "",
            Self::RootAlone => "namespaces",
            Self::PlainAlone => "namespaces, empty-root",
        }
    }

    /// A server of that kind, under that policy. What it writes to stderr is in its folder.
    pub(crate) async fn serve(self, policy: &str) -> App {
        let data = tempfile::tempdir().unwrap();
        let command = self.command(data.path(), policy);
        self.hand_over(&data);
        App::of(data, CONFIG, command, |process| self.meet(process)).await
    }

    fn command(self, data: &Path, policy: &str) -> Command {
        let plain = serve(data, CONFIG);
        bring(Path::new(plain.get_program()), &data.join("lattice"));
        bring(tally::cell(), &data.join("lattice-cell"));
        fs::write(data.join("policy.toml"), policy).unwrap();
        let mut words = self.words();
        words.push(data.join("lattice").to_str().unwrap().to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(plain.get_args());
        command.arg("--policy").arg(data.join("policy.toml"));
        command.stdin(Stdio::piped()).stderr(File::create(data.join("stderr")).unwrap());
        command
    }

    /// What stands before the server's command.
    fn words(self) -> Vec<String> {
        let to_nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups --";
        let no_rights = "setpriv --ambient-caps=-all --inh-caps=-all --";
        let alone = |before: &str, then: &str| {
            let off = "echo 0 > /proc/sys/user/max_user_namespaces";
            format!("{before} sh -c|read mapped && {off} && exec {then} \"$@\"|sh")
        };
        let words = match self {
            Self::Tests => String::new(),
            Self::Plain => to_nobody.to_owned(),
            Self::RootAlone => alone("unshare --user --keep-caps --", ""),
            Self::PlainAlone if is_root() => alone("unshare --user --keep-caps --", to_nobody),
            Self::PlainAlone => {
                alone("unshare --user --map-current-user --keep-caps --", no_rights)
            }
        };
        let mut parts = words.split('|');
        let first = parts.next().into_iter().flat_map(|part| part.split_whitespace());
        first.chain(parts).map(str::to_owned).collect()
    }

    /// Gives the folder to the user.
    fn hand_over(self, data: &TempDir) {
        fs::set_permissions(data.path(), Permissions::from_mode(0o755)).unwrap();
        if is_root() && matches!(self, Self::Plain | Self::PlainAlone) {
            chown(data.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    /// Maps every user into the new namespace, as only root outside of it can, and lets it go on.
    fn meet(self, process: &mut Child) {
        if matches!(self, Self::RootAlone | Self::PlainAlone) {
            if is_root() {
                map_users(process.id());
            }
            process.stdin.as_mut().unwrap().write_all(b"mapped\n").unwrap();
        }
    }
}

fn map_users(process: u32) {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/user")).unwrap();
    let process = process.to_string();
    while namespace(&process) == namespace("self") {
        thread::sleep(Duration::from_millis(20));
    }
    for map in ["uid_map", "gid_map"] {
        let own = fs::read_to_string(format!("/proc/self/{map}")).unwrap();
        let same = own.lines().map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            format!("{0} {0} {1}\n", fields[0], fields[2])
        });
        fs::write(format!("/proc/{process}/{map}"), same.collect::<String>()).unwrap();
    }
}

/// Another name for a program, or a copy where that can't be.
fn bring(program: &Path, to: &Path) {
    if fs::hard_link(program, to).is_err() {
        fs::copy(program, to).unwrap();
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn runs(command: &mut Command) -> bool {
    let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}
