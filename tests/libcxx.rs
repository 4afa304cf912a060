//! Sims with containers and strings: `lattice build` brings the same C++ library to both programs,
//! and the module imports no more than before.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::{
    app::lattice,
    clang::project,
    cli::{Said, run},
    twin::{Twins, assert_same, runner, sim},
};

/// Builds with `lattice build`, the headers being the project's.
fn build(source: &Path, output: &Path, words: &[&str]) -> Said {
    let mut command = lattice();
    command.arg("build").arg(source).arg("-o").arg(output).arg("--include");
    run(command.arg(project().join("include")).args(words))
}

fn build_text(text: &str, words: &[&str]) -> (tempfile::TempDir, Said) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("sim.cpp");
    fs::write(&source, text).unwrap();
    let said = build(&source, folder.path(), words);
    (folder, said)
}

fn scan(module: &Path) -> Said {
    run(lattice().arg("scan").arg(module))
}

/// Asserts that the module is admitted, and imports what it needs of `lattice_ms_*`.
#[track_caller]
fn assert_imports(module: &Path, imports: &str) {
    let said = scan(module).done();
    let line = said.lines().find_map(|line| line.trim().strip_prefix("imports")).unwrap();
    assert_eq!(line.trim(), imports, "{said}");
}

#[test]
fn the_inventory_is_the_same_natively_and_imports_no_more() {
    assert_same("examples/inventory/inventory.cpp");
    let twins = Twins::of(&project().join("examples/inventory/inventory.cpp"));
    let calls = "lattice_ms_log, lattice_ms_event_peek, lattice_ms_event_next, lattice_ms_send";
    assert_imports(&twins.wasm(), calls);
    assert_imports(&twins.object(), calls);
}

/// The order of hash maps by every kind of key, of sorts with equal keys, what engines draw, and
/// numbers as text.
const CATALOGUE: &str = r#"
#include <lattice_managed.h>
#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>
enum class Kind : int64_t { LOW = -5, HIGH = int64_t(1) << 40 };
static std::string said;
static void say(const std::string &text) { said += text + ";"; }
template <class Number> static void say(Number number) { say(std::to_string(number)); }
template <class Set> static void walk(const Set &set) { for (auto key : set) say(key); }
typedef std::pair<int, int> Pair;
static bool less(const Pair &a, const Pair &b) { return a.first < b.first; }
static void walk_pairs(const std::vector<Pair> &pairs) { for (auto &pair : pairs) say(pair.second); }

static void hash_maps(int64_t tick) {
    std::unordered_set<int> ints; std::unordered_set<int64_t> i64; std::unordered_set<uint64_t> u64;
    std::unordered_set<long long> wide; std::unordered_set<size_t> sizes; std::unordered_set<char> chars;
    std::unordered_set<double> doubles; std::unordered_set<float> floats;
    std::unordered_map<std::string, int> texts;
    for (int64_t i = tick; i < tick + 60; ++i) {
        int64_t key = int64_t(uint64_t(i) * 0x9e3779b97f4a7c15u);
        ints.insert(int(key)); i64.insert(key); u64.insert(uint64_t(key)); wide.insert(-i); sizes.insert(size_t(i * 977));
        chars.insert(char(key)); doubles.insert(double(key) / 3); floats.insert(float(i) / -3);
        texts[std::string(size_t(i % 90), 'x') + std::to_string(key)] += 1;
    }
    walk(ints); walk(i64); walk(u64); walk(wide); walk(sizes); walk(chars); walk(doubles); walk(floats);
    for (auto &text : texts) say(text.first);
    std::unordered_map<Kind, int, std::hash<Kind>> kinds = {{Kind::LOW, 1}, {Kind::HIGH, 2}};
    for (auto &kind : kinds) say(kind.second);
}

static void sorts(int64_t tick) {
    std::mt19937 engine(uint32_t(tick + 1));
    std::vector<Pair> all;
    for (int i = 0; i < 200; ++i) all.push_back({int(engine() % 5), i});
    auto pairs = all; std::sort(pairs.begin(), pairs.end(), less); walk_pairs(pairs);
    pairs = all; std::nth_element(pairs.begin(), pairs.begin() + 50, pairs.end(), less); walk_pairs(pairs);
    pairs = all; std::partial_sort(pairs.begin(), pairs.begin() + 50, pairs.end(), less); walk_pairs(pairs);
    pairs = all; std::make_heap(pairs.begin(), pairs.end(), less); walk_pairs(pairs);
    pairs = all; std::partition(pairs.begin(), pairs.end(), [](const Pair &it) { return it.first > 2; }); walk_pairs(pairs);
    pairs = all; std::shuffle(pairs.begin(), pairs.end(), engine); walk_pairs(pairs);
    std::list<Pair> list(all.begin(), all.end()); list.sort(less);
    for (auto &pair : list) say(pair.second);
}

static void engines(int64_t tick) {
    std::mt19937_64 engine{uint64_t(tick)}; std::minstd_rand small(uint32_t(tick + 1));
    std::normal_distribution<double> normal(0, 3); std::uniform_real_distribution<float> real(0, 1);
    std::poisson_distribution<int> poisson(4.1); std::discrete_distribution<int> discrete{1, 2, 3};
    std::uniform_int_distribution<int64_t> whole(-1000000000000, 1000000000000);
    for (int i = 0; i < 20; ++i) {
        say(normal(engine)); say(real(engine)); say(poisson(small)); say(discrete(engine)); say(whole(small));
    }
}

static void numbers(int64_t tick) {
    say(double(tick) / 7); say(1e300 / double(tick + 1)); say(float(tick) / 3); say(-tick); say(uint64_t(-tick - 1));
    say(std::stod("1.7976931348623157e308")); say(std::stof("0.1")); say(std::stoll("-99999999999")); say(std::stoi("7f", nullptr, 16));
    char text[64]; snprintf(text, sizeof text, "%.17g %e %5.3f", double(tick) / 7, 1 / 3.0, 2.5); say(std::string(text));
    say(std::chrono::duration<double>(std::chrono::milliseconds(tick)).count());
    std::priority_queue<double> queue;
    for (int i = 0; i < 20; ++i) queue.push(std::sin(double(tick + i)) * i);
    for (; !queue.empty(); queue.pop()) say(queue.top());
}

LATTICE_EXPORT int32_t lattice_sim_init(int64_t, int32_t) { return LATTICE_OK; }
LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    void (*const parts[])(int64_t) = {hash_maps, sorts, engines, numbers};
    for (auto part : parts) {
        said.clear();
        part(tick);
        lattice_ms_broadcast(said.data(), uint32_t(said.size()), 0);
    }
    return LATTICE_CONTINUE;
}
"#;

#[test]
fn what_the_library_leaves_open_is_the_same_in_both() {
    let twins = Twins::of_text("catalogue.cpp", CATALOGUE);
    twins.verify(&["--ticks", "60"]).done();
    assert_imports(&twins.wasm(), "lattice_ms_log, lattice_ms_broadcast");
    assert_imports(&twins.object(), "lattice_ms_log, lattice_ms_broadcast");

    // Without the headers in front of libc++'s, a hash map is walked in another order.
    let source = twins.folder.path().join("catalogue.cpp");
    fs::write(&source, CATALOGUE).unwrap();
    let include = project().join("include");
    let built = Command::new("clang++")
        .args(["-stdlib=libc++", "-fno-exceptions", "-O2", "-fwrapv", "-ffp-contract=off"])
        .args(["-D_LIBCPP_HAS_NO_LOCALIZATION", "-I", include.to_str().unwrap()])
        .arg(source)
        .arg(runner())
        .arg("-o")
        .arg(twins.native())
        .status();
    assert!(built.unwrap().success());
    let said = twins.verify(&["--ticks", "60"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stdout.starts_with("they differ in tick 0"), "{}", said.stdout);
}

/// In the module, what the C library calls; natively, what is to become of it.
const SYSTEM_CALLS: &str = r#"
#include <lattice_managed.h>
#include <string>
#if defined(__wasm__)
extern "C" {
int dprintf(int file, const char *format, ...);
int c_puts(const char *line) __asm__("puts");
long long c_time(void *) __asm__("time");
int getentropy(void *to, size_t len);
int c_open(const char *path, int how) __asm__("__wasilibc_open_nomode");
void end(int status) __asm__("__wasi_proc_exit");
}
#else
static int dprintf(int, const char *, const char *) {
    lattice_log(LATTICE_INFO, "one");
    lattice_log(LATTICE_INFO, "and two");
    return 12;
}
static void c_puts(const char *line) { lattice_log(LATTICE_INFO, line); }
static int c_time(void *) { return 0; }
static int getentropy(void *, size_t) { return -1; }
static int c_open(const char *, int) { return -1; }
static void end(int) { abort(); }
#endif
LATTICE_EXPORT int32_t lattice_sim_init(int64_t, int32_t) { return LATTICE_OK; }
LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    if (tick == 5) end(0);
    std::string word = "and two";
    int written = dprintf(1, "one\n%s\n", word.c_str());
    c_puts("a line of its own");
    lattice_logf(LATTICE_INFO, "%d written, time %d, random %d, file %d", written, int(c_time(nullptr)),
                 getentropy(&word, 4), c_open("/etc/passwd", 0));
    return LATTICE_CONTINUE;
}
"#;

#[test]
fn the_c_librarys_system_calls_are_answered_inside_the_module() {
    let twins = Twins::of_text("calls.cpp", SYSTEM_CALLS);
    assert_imports(&twins.wasm(), "lattice_ms_log");
    let said = twins.verify(&[]).done();
    assert!(said.starts_with("the same: 6 calls"), "init and ticks 0 to 4: {said}");
    assert!(said.contains("ended at tick 5 by TRAP"), "an exit is a trap: {said}");
}

#[test]
fn no_system_call_of_the_whole_c_library_is_left_to_the_host() {
    let libc = "-Wl,--whole-archive,/usr/lib/wasm32-wasi/libc.a,--no-whole-archive";
    let text = format!("#include <string>\n{}", sim("", ""));
    // A call whose parameters are others than the C library's is a warning of the linker.
    let (folder, said) = build_text(&text, &["--", libc, "-Wl,--no-gc-sections,--fatal-warnings"]);
    said.done();
    let said = scan(&folder.path().join("sim.wasm"));
    assert!(said.stdout.contains("IMPORT_NOT_ALLOWED  env.main"), "all is linked: {}", said.stdout);
    assert!(!said.stdout.contains("wasi"), "{}", said.stdout);
}

#[test]
fn what_a_sim_does_not_have_does_not_compile() {
    for (text, words) in [
        ("#include <iostream>\n", "a sim has no locales, and so no streams"),
        ("#include <thread>\nstd::thread worker;", "thread"),
        ("#include <random>\nstd::random_device device;", "random_device"),
        ("#include <chrono>\nauto now = std::chrono::steady_clock::now();", "steady_clock"),
        ("#include <vector>\nvoid fail() { throw 1; }", "exceptions disabled"),
    ] {
        let (folder, said) = build_text(&format!("{text}\n{}", sim("", "")), &["--native"]);
        assert_eq!(said.code, 1, "{text}");
        assert!(said.stderr.contains(words), "no {words} in {}", said.stderr);
        assert!(!folder.path().join("sim").exists(), "{text}");
    }
}

#[test]
fn a_read_of_the_clock_ends_the_match_in_both() {
    let read = "if (std::chrono::system_clock::now().time_since_epoch().count() > 0) return 1;";
    let twins = Twins::of_text("late.cpp", &format!("#include <chrono>\n{}", sim("", read)));
    let said = twins.verify(&[]).done();
    assert!(said.contains("ended at tick 5 by TRAP"), "{said}");
    let native = Command::new(twins.native())
        .args(["--players", "1", "--ticks", "9", "--seed", "1"])
        .output();
    assert!(!native.unwrap().status.success(), "nor does the native program tell the time");
}

#[test]
fn libcxx_can_be_asked_for_and_is_not_taken_unasked() {
    let text = sim(
        "#include <algorithm>\nint few[3] = {3, 1, 2};",
        "std::partial_sort(few, few + 1, few + 3);",
    );
    let (folder, said) = build_text(&text, &[]);
    assert_eq!(said.code, 1, "the headers' own <algorithm> has none: {}", said.stderr);
    assert!(!said.stdout.contains("libc++"), "{}", said.stdout);

    let source = folder.path().join("sim.cpp");
    let said = build(&source, folder.path(), &["--libcxx", "--native"]).done();
    assert!(said.starts_with("# --libcxx: with libc++ "), "{said}");
    assert_imports(&folder.path().join("sim.wasm"), "lattice_ms_broadcast");

    let c = project().join("examples/hello/hello.c");
    build(&c, folder.path(), &["--libcxx"]).failed(2, &["--libcxx is for C++"]);
}

/// A folder for PATH with a clang that is installed where no library is.
fn clang_elsewhere(version: &str) -> tempfile::TempDir {
    let elsewhere = tempfile::tempdir().unwrap();
    let clang = elsewhere.path().join("clang");
    let resources = elsewhere.path().join("lib/clang").join(version);
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != -print-resource-dir ] || exec echo {}\nPATH=/usr/bin exec clang \"$@\"\n",
        resources.display()
    );
    fs::write(&clang, script).unwrap();
    fs::set_permissions(&clang, fs::Permissions::from_mode(0o755)).unwrap();
    elsewhere
}

/// Builds the inventory by the command and by the script; neither runs a compiler.
#[track_caller]
fn assert_not_built(elsewhere: &Path, words: &[&str]) {
    let output = elsewhere.join("out");
    let path = format!("{}:/usr/bin:/bin", elsewhere.display());
    let source = project().join("examples/inventory/inventory.cpp");
    let mut ours = lattice();
    ours.arg("build");
    for mut command in [ours, Command::new(project().join("sdk/build.sh"))] {
        command.args(["--native", "-o"]).arg(&output).arg(&source);
        command.env("LATTICE_INCLUDE", project().join("include"));
        let said = run(command.env("LATTICE_RUNNER", runner()).env("PATH", &path));
        assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{}", said.stderr);
        for word in words {
            assert!(said.stderr.contains(word), "no {word} in {}", said.stderr);
        }
        assert!(!output.exists());
    }
}

#[test]
fn without_the_packages_they_are_named_and_nothing_is_built() {
    let elsewhere = clang_elsewhere("14.0.6");
    let words =
        ["#include <string> asks for libc++", "v1/__config is not there", "apt-get install"];
    assert_not_built(elsewhere.path(), &words);
    let packages = ["libc++-14-dev-wasm32", "wasi-libc", "libc++-14-dev ", "libc++abi-14-dev"];
    assert_not_built(elsewhere.path(), &packages);
}

#[test]
fn another_version_of_the_library_is_refused() {
    let elsewhere = clang_elsewhere("19");
    let words = ["#include <string> asks for libc++", "clang's is 19", "go with 14"];
    assert_not_built(elsewhere.path(), &words);
}

#[test]
fn the_script_makes_the_same_bytes_by_the_same_commands() {
    let folder = tempfile::tempdir().unwrap();
    for (source, flags) in [
        ("hello/hello.c", &["-DWORDS=two words"][..]),
        ("arena/game_sim.cpp", &[]),
        ("inventory/inventory.cpp", &["-std=c++20", "-O1"]),
        ("inventory/inventory.cpp", &["-g1", "-fsanitize=undefined"]),
    ] {
        let source = project().join("examples").join(source);
        let built = ["wasm", "so"]
            .map(|kind| folder.path().join(source.with_extension(kind).file_name().unwrap()));
        let made = |mut command: Command, before: &[&str]| {
            command.args(["--native", "-o", "."]).arg(&source).args(before).args(flags);
            command.env("LATTICE_INCLUDE", project().join("include"));
            let said = run(command.env("LATTICE_RUNNER", runner()).current_dir(&folder)).done();
            (said, built.each_ref().map(|file| fs::read(file).unwrap()))
        };
        let mut ours = lattice();
        ours.arg("build");
        let (said, bytes) = made(ours, &["--"]);
        for file in &built {
            fs::remove_file(file).unwrap();
        }
        let (script_said, script_bytes) = made(Command::new(project().join("sdk/build.sh")), &[]);
        assert_eq!(script_said, said);
        assert!(script_bytes == bytes, "{built:?} differ");
    }
}
