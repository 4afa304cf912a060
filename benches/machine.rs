//! What the figures were measured on: printed first, since an absolute number means nothing alone.

use std::{fs, thread};

pub(crate) fn describe() {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("{}, {cores} cores, Linux {}", processor(), first_line("/proc/sys/kernel/osrelease"));
    println!("load before the run: {}", first_line("/proc/loadavg"));
    if cfg!(debug_assertions) {
        println!("built for development: the figures below say nothing; `make bench` does");
    }
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name"));
    model.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown processor").to_owned()
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
