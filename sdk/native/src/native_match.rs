//! The program's one match: what it was asked to play, and the surface that the sim's calls reach.

use std::{
    process,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use lattice_surface::Surface;

use crate::arguments::{Arguments, USAGE};

/// Read at the first need: a static constructor of the sim may ask before `main` does.
static MATCH: OnceLock<NativeMatch> = OnceLock::new();

pub(crate) struct NativeMatch {
    pub(crate) arguments: Arguments,
    surface: Mutex<Surface>,
}

/// The match. Ends the program with code 2 if the command line makes none.
pub(crate) fn native_match() -> &'static NativeMatch {
    MATCH.get_or_init(|| {
        let arguments = Arguments::read(std::env::args_os().skip(1)).unwrap_or_else(|error| {
            eprintln!("{error}\n{USAGE}");
            process::exit(2);
        });
        let limits = Arc::new(arguments.policy.matches.clone());
        let surface = Surface::new(limits, arguments.game.config(), Arc::default());
        NativeMatch { arguments, surface: Mutex::new(surface) }
    })
}

/// The match's surface, for one call.
pub(crate) fn surface() -> MutexGuard<'static, Surface> {
    native_match().surface.lock().unwrap_or_else(PoisonError::into_inner)
}
