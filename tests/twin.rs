//! `lattice build` and `lattice verify`: one source, the module and the native program, and the
//! same transcript from both.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{
    app::lattice,
    clang::project,
    cli::{Said, run},
};

/// A sim that was built twice, and where.
pub(crate) struct Twins {
    pub(crate) folder: tempfile::TempDir,
    name: String,
}

impl Twins {
    /// Builds a source of the project's with `lattice build`.
    pub(crate) fn of(source: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = source.file_stem().unwrap().to_str().unwrap().to_owned();
        runner();
        let said = run(lattice().arg("build").arg(source).arg("-o").arg(folder.path()).args([
            "--native",
            "--include",
            project().join("include").to_str().unwrap(),
        ]))
        .done();
        let commands: Vec<_> = said.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(commands.len(), 3, "all commands are shown: {said}");
        assert!(
            commands[0].starts_with("clang --target=wasm32 -nostdlib -Wl,--no-entry"),
            "{said}"
        );
        Self { folder, name }
    }

    /// Builds a source that is given as text.
    pub(crate) fn of_text(file: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join(file);
        fs::write(&source, text).unwrap();
        Self::of(&source)
    }

    pub(crate) fn wasm(&self) -> PathBuf {
        self.folder.path().join(format!("{}.wasm", self.name))
    }

    pub(crate) fn native(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    pub(crate) fn object(&self) -> PathBuf {
        self.folder.path().join(format!("{}.so", self.name))
    }

    pub(crate) fn verify(&self, more: &[&str]) -> Said {
        let mut command = lattice();
        command.arg("verify").arg("--wasm").arg(self.wasm()).arg("--native").arg(self.native());
        run(command.args(more))
    }
}

/// The native programs' library, beside the `lattice` command.
pub(crate) fn runner() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built_beside("lattice-runner", "liblattice_runner.a"))
}

/// Builds what a package makes, beside the `lattice` command.
pub(crate) fn built_beside(package: &str, file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_lattice")).parent().unwrap();
    let profile = if folder.ends_with("debug") { "dev" } else { "release" };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--offline", "-p", package])
        .args(["--profile", profile, "--target-dir"])
        .arg(folder.parent().unwrap())
        .current_dir(project())
        .status();
    assert!(built.unwrap().success());
    folder.join(file)
}

/// Asserts that both say the same over made-up matches, and over the log of one of them.
pub(crate) fn assert_same(source: &str) {
    let twins = Twins::of(&project().join(source));
    let log = twins.folder.path().join("inputs");
    let log = log.to_str().unwrap();
    let mut told = Vec::new();
    for seed in ["1", "2"] {
        let match_ = ["--players", "6", "--ticks", "400", "--seed", seed];
        let said = twins.verify(&[&match_[..], &["--write-inputs", log]].concat()).done();
        assert!(said.starts_with("the same: 40"), "{said}");
        let again = twins.verify(&["--inputs", log]).done();
        assert_eq!(again, said, "the log is the same match");

        let printed = run(Command::new(twins.native()).args(match_)).done();
        assert!(printed.contains("tick 399 "), "{printed}");
        let transcript = said.trim().rsplit(' ').next().unwrap();
        assert!(printed.contains(transcript), "the program makes the same players up");
        told.push(said);
    }
    assert_ne!(told[0], told[1], "another seed is another match");
}

#[test]
fn hello_is_the_same_natively() {
    assert_same("examples/hello/hello.c");
}

#[test]
fn the_arena_is_the_same_natively() {
    assert_same("examples/arena/game_sim.cpp");
}

#[test]
fn physics_is_the_same_natively() {
    assert_same("examples/physics/physics.cpp");
}

/// Logs in a constructor, asks for fetches, kicks, sets gauges and a result, and has no shutdown.
const EVERY_CALL: &str = r#"
#include <lattice_managed.h>
struct Early { Early() { lattice_log(LATTICE_INFO, "before init"); } };
static Early early;
LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    lattice_logf(LATTICE_INFO, "seed %d", int(seed));
    return LATTICE_OK;
}
LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    const lattice_event *event;
    while ((event = lattice_next_event()) != nullptr) {
        lattice_logf(LATTICE_DEBUG, "event %d of %u", event->type, event->player);
        if (event->type == LATTICE_EVENT_MESSAGE && lattice_event_payload(event)[0] == 3)
            lattice_ms_kick(event->player, -9);
    }
    int32_t answer = lattice_ms_http_request(LATTICE_GET, "http://a.example/", 17, "", 0, nullptr, 0);
    lattice_logf(LATTICE_INFO, "answered %d, state %d, sent %d", answer,
                 lattice_ms_state_write("x", 1), lattice_ms_send(4000, "x", 1, 0));
    lattice_ms_gauge("tick", 4, double(tick) / 3);
    lattice_ms_result(&tick, 8);
    return LATTICE_CONTINUE;
}
"#;

#[test]
fn every_call_has_the_same_meaning_natively() {
    let twins = Twins::of_text("every.cpp", EVERY_CALL);
    twins.verify(&["--ticks", "120"]).done();
    let printed =
        run(Command::new(twins.native()).args(["--players", "4", "--ticks", "120", "--seed", "1"]))
            .done();
    for words in ["answered -100, state -7, sent -4", "kick of player", "gauge \"tick\" = 39.66"] {
        assert!(printed.contains(words), "no {words} in {printed}");
    }
}

/// A sim that broadcasts its tick, and in tick 5 does something else.
pub(crate) fn sim(helpers: &str, in_tick_5: &str) -> String {
    format!(
        r"#include <lattice_managed.h>
{helpers}
LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {{
    (void)seed, (void)tick_hz;
    return LATTICE_OK;
}}
LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {{
    lattice_ms_broadcast(&tick, 8, 0);
    if (tick == 5) {{ {in_tick_5} }}
    return LATTICE_CONTINUE;
}}
"
    )
}

/// What a sim may send is the policy's matter, natively too.
#[test]
fn the_limits_are_those_of_the_policy_that_is_named() {
    let twins = Twins::of_text(
        "sends.c",
        &sim(
            "",
            "static char big[100]; \
        lattice_logf(LATTICE_INFO, \"answered %d\", lattice_ms_broadcast(big, 100, 0));",
        ),
    );
    let policy = twins.folder.path().join("policy.toml");
    fs::write(&policy, "[match]\nmessage_out_bytes = 99\nhash_every_ticks = 7\n").unwrap();
    let policy = policy.to_str().unwrap();
    let match_ = ["--players", "2", "--ticks", "20", "--seed", "1"];
    let transcript = |policy: &[&str], answer: &str| {
        let said = twins.verify(&[&match_[..], policy].concat()).done();
        let printed = run(Command::new(twins.native()).args(match_).args(policy)).done();
        assert!(printed.contains(&format!("answered {answer}")), "{printed}");
        let transcript = said.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(printed.contains(&transcript), "{printed}");
        transcript
    };
    assert_ne!(transcript(&[], "0"), transcript(&["--policy", policy], "-6"));

    fs::write(policy, "[match]\nmessage_out_byte = 99\n").unwrap();
    twins.verify(&["--policy", policy]).failed(2, &["policy.toml", "message_out_bytes"]);
}

#[test]
fn a_signed_overflow_wraps_in_both() {
    let helpers = "static volatile int32_t most = INT32_MAX;";
    let source =
        sim(helpers, "int32_t x = most; if (x + 1 < x) lattice_log(LATTICE_INFO, \"wraps\");");
    let twins = Twins::of_text("wraps.c", &source);
    twins.verify(&["--ticks", "9"]).done();
    let match_ = ["--players", "1", "--ticks", "9", "--seed", "1"];
    let printed = run(Command::new(twins.native()).args(match_)).done();
    assert!(printed.contains("\"wraps\""), "no compiler took it for impossible: {printed}");
}

#[test]
fn a_fault_that_only_the_sandbox_has_ends_both_before_it() {
    let twins = Twins::of_text("traps.c", &sim("", "__builtin_trap();"));
    let said = twins.verify(&[]).done();
    assert!(said.starts_with("the same: 6 calls"), "init and ticks 0 to 4: {said}");
    assert!(said.contains("ended at tick 5 by TRAP"), "{said}");
}

#[test]
fn a_fault_that_the_sim_declares_comes_to_both() {
    let twins = Twins::of_text("gives_up.c", &sim("", "return -3;"));
    let said = twins.verify(&[]).done();
    assert!(said.starts_with("the same: 7 calls") && !said.contains("ended at"), "{said}");
}

#[test]
fn a_flag_that_breaks_equality_is_refused_and_nothing_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let source = project().join("examples/hello/hello.c");
    for (flag, why) in [
        ("-ffast-math", "round"),
        ("-Ofast", "round"),
        ("-ffp-contract=fast", "rounds once"),
        ("-funsigned-char", "signed in wasm"),
        ("-U__CHAR_UNSIGNED__", "lattice_managed.h"),
        ("-stdlib=libstdc++", "sorts otherwise"),
        ("-D_LIBCPP_DEBUG=1", "libc++"),
    ] {
        let mut build = lattice();
        build.arg("build").arg(&source).arg("-o").arg(folder.path()).args(["--", "-g", flag]);
        let said = run(&mut build);
        said.failed(2, &[flag, why]);
        assert_eq!(said.stdout, "", "no command was run");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// What the shared object would be refused for is said with what to do, in the build already.
#[test]
fn a_shared_object_that_an_upload_would_refuse_is_told_at_the_build() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("asks.c");
    let asks = sim(
        "#if defined(__wasm__)\n#define system(words) 0\n#else\nint system(const char *words);\n#endif",
        "return system(\"date\") - 1;",
    );
    fs::write(&source, asks).unwrap();
    runner();
    let mut build = lattice();
    build.arg("build").arg(&source).arg("-o").arg(folder.path()).args(["--native", "--include"]);
    let said = run(build.arg(project().join("include")));
    assert_eq!(said.code, 1, "{}", said.stderr);
    for words in ["asks.so would be\nrefused", "IMPORT_NOT_ALLOWED  system", "hint: "] {
        assert!(said.stdout.contains(words), "no {words} in {}", said.stdout);
    }
    assert!(folder.path().join("asks").is_file(), "the program is there for the desk");
}

#[test]
fn without_the_library_it_is_said_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = project().join("examples/hello/hello.c");
    let missing = folder.path().join("liblattice_runner.a");
    let mut build = lattice();
    build.arg("build").arg(source).arg("-o").arg(folder.path()).arg("--native");
    let said = run(build.arg("--runner").arg(&missing));
    said.failed(2, &["liblattice_runner.a is not there", "cargo build -p lattice-runner"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was built");
}

#[test]
fn a_log_of_another_module_and_what_is_no_log_are_refused() {
    let one = Twins::of_text("one.c", &sim("", ""));
    let other = Twins::of_text("other.c", &sim("", "return LATTICE_FINISHED;"));
    let log = one.folder.path().join("inputs");
    let log = log.to_str().unwrap();
    one.verify(&["--ticks", "9", "--write-inputs", log]).done();
    other.verify(&["--inputs", log]).failed(1, &["inputs", "is of the module"]);
    fs::write(log, "no log").unwrap();
    one.verify(&["--inputs", log]).failed(1, &["inputs"]);
    let bad = run(Command::new(one.native()).args(["--inputs", log]));
    assert_eq!(bad.code, 2, "{}", bad.stderr);

    // Nor does another program pass for a twin.
    fs::copy("/bin/true", one.native()).unwrap();
    one.verify(&[]).failed(1, &["wrote no transcript", "lattice build --native"]);
}
