//! `lattice dev`: from a source file to a match, and to the next one after each change.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::{app::lattice, tally};

const HELLO: &str = include_str!("../examples/hello/hello.c");

/// A `lattice dev` on a source in a folder of its own, with its own temporary folder.
struct Desk {
    process: Child,
    said: Receiver<String>,
    folder: TempDir,
    temporary: TempDir,
}

impl Desk {
    fn with(files: &[(&str, &[u8])], args: &[&str]) -> Self {
        let (folder, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let mut command = lattice();
        command.arg("dev").arg(folder.path().join(files[0].0)).args(args);
        command.env("TMPDIR", temporary.path()).env_remove("LATTICE_INCLUDE");
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, said) = mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(process.stdout.take().unwrap()), Box::new(process.stderr.take().unwrap())];
        for stream in streams {
            let lines = lines.clone();
            let read = move || {
                BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|l| lines.send(l))
            };
            thread::spawn(read);
        }
        Self { process, said, folder, temporary }
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// The next line that has these words; those before it are passed over.
    #[track_caller]
    fn says(&self, words: &str) -> String {
        const AT_MOST: Duration = Duration::from_mins(10);
        let mut before = Vec::new();
        while let Ok(line) = self.said.recv_timeout(AT_MOST) {
            if line.contains(words) {
                return line;
            }
            before.push(line);
        }
        panic!("never said {words:?} after {before:#?}");
    }

    /// Presses Ctrl-C, and checks that nothing is left.
    fn end(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
        assert!(is_empty(self.temporary.path()), "the temporary folder is removed");
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

/// The body of what a page's link opens.
fn open(link: &str) -> String {
    let rest = link.split_once("http://").unwrap().1;
    let (address, path) = rest.split_once('/').unwrap();
    let path = path.split('#').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

#[test]
fn a_change_of_the_source_or_a_header_makes_the_next_match() {
    let source = HELLO.replace("\"hello: seed", "GREETING \": seed");
    let source = format!("#include \"parts/greeting.h\"\n{source}");
    let page = b"<title>The page beside the source</title>";
    let desk = Desk::with(
        &[
            ("sim.c", source.as_bytes()),
            ("parts/greeting.h", b"#define GREETING \"first\"\n"),
            ("page/index.html", page),
        ],
        &["--seed", "7", "--tick-hz", "120", "--players", "2"],
    );
    let command = desk.says("$ clang --target=wasm32 -nostdlib -Wl,--no-entry");
    assert!(command.contains(" -Wl,--allow-undefined -Wl,--stack-first "), "{command}");
    desk.says("admitted, sha256 ");
    let first = desk.says("120 ticks a second, seed 7");
    let links = [desk.says("open http://127.0.0.1:"), desk.says("open http://127.0.0.1:")];
    assert_ne!(links[0], links[1], "a link for each player");
    assert!(open(&links[1]).contains("The page beside the source"));
    desk.says("first: seed 7, 120 ticks a second");

    desk.write("parts/greeting.h", "#define GREETING \"second\"\n");
    let second = desk.says("120 ticks a second, seed 7");
    assert_ne!(first, second, "another match");
    desk.says("second: seed 7");

    desk.write("sim.c", "#error \"half an edit\"\n");
    desk.says("half an edit");
    desk.says("the match before goes on");
    desk.write("sim.c", &source.replace("GREETING", "\"third and \" GREETING"));
    desk.says("third and second: seed 7");
    desk.end();
}

#[test]
fn containers_that_come_with_an_edit_are_built_with() {
    let desk = Desk::with(&[("sim.cpp", HELLO.as_bytes())], &[]);
    let command = desk.says("$ clang ");
    assert!(!command.contains("libc++"), "{command}");
    desk.says("admitted, sha256 ");
    desk.write("sim.cpp", &format!("#include <vector>\nstatic std::vector<int> seen;\n{HELLO}"));
    let command = desk.says("$ clang ");
    assert!(command.contains("libc++.a"), "{command}");
    desk.says("admitted, sha256 ");
    desk.end();
}

#[test]
fn figures_are_shown_while_it_runs() {
    let desk = Desk::with(&[("sim.c", HELLO.as_bytes())], &[]);
    desk.says("hello: seed 1, 60 ticks a second");
    let figures = desk.says("fuel ");
    assert!(figures.contains(" last, ") && figures.contains(" % of the budget"), "{figures}");
    desk.end();
}

#[test]
fn a_refused_module_shows_its_reasons_and_the_next_one_runs() {
    let tampered = HELLO.replace(
        "LATTICE_EXPORT int32_t lattice_sim_tick",
        "int system(const char *command);\nLATTICE_EXPORT int32_t lattice_sim_tick",
    );
    let tampered = tampered.replace("    return LATTICE_CONTINUE;", "    return system(\"id\");");
    let desk = Desk::with(&[("sim.c", tampered.as_bytes())], &[]);
    desk.says("refused");
    desk.says("IMPORT_NOT_ALLOWED  env.system");
    desk.says("hint: ");
    desk.says("waiting for a change");
    desk.write("sim.c", HELLO);
    desk.says("hello: seed 1");
    desk.end();
}

#[test]
fn a_module_is_taken_as_it_is_and_its_fault_is_told() {
    let traps = wat::parse_str(
        r#"(module
            (memory (export "memory") 1)
            (func (export "lattice_abi_v1"))
            (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
            (func $falls (unreachable))
            (func (export "lattice_sim_tick") (param i64) (result i32)
                (if (i64.eq (local.get 0) (i64.const 3)) (then (call $falls)))
                i32.const 0))"#,
    );
    let mut desk = Desk::with(&[("sim.wasm", &traps.unwrap())], &["--no-watch"]);
    desk.says("faulted TRAP in tick 3");
    desk.says("lattice: the match ended by a fault: TRAP");
    assert_eq!(desk.process.wait().unwrap().code(), Some(1));
    assert!(is_empty(desk.temporary.path()));
}

#[test]
fn a_shared_object_is_run_natively() {
    tally::cell();
    let desk = Desk::with(&[("tally.so", &tally::native())], &["--no-watch"]);
    desk.says("admitted, sha256 ");
    desk.says("match m_");
    desk.says("tick ");
    desk.end();
}

#[test]
fn what_is_no_sim_is_refused_before_anything_starts() {
    let mut desk = Desk::with(&[("notes.txt", b"a shopping list")], &[]);
    let line = desk.says("lattice: ");
    assert!(line.contains("notes.txt is neither C nor C++ nor a .wasm or .so module"), "{line}");
    assert_eq!(desk.process.wait().unwrap().code(), Some(2));
    assert!(is_empty(desk.temporary.path()));
}
