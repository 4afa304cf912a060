//! The `lattice` command. All it does stands in the library, so that tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    lattice_console::cli::main()
}
