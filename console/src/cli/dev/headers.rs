//! Where the sim's headers come from. Never changes one.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use crate::cli::CliError;

include!(concat!(env!("OUT_DIR"), "/headers.rs"));

/// The header by which a folder is known to hold them.
const MANAGED: &str = "lattice_managed.h";

/// The folder for `-I`: what `LATTICE_INCLUDE` names; else the `include/` beside the source or
/// above it, as in a checkout; else the headers that this command carries, written to `spare`.
pub(super) fn include_folder(source: &Path, spare: &Path) -> Result<PathBuf, CliError> {
    if let Some(named) = env::var_os("LATTICE_INCLUDE").map(PathBuf::from) {
        let nothing = || format!("LATTICE_INCLUDE is {}, where no {MANAGED} is", named.display());
        let is_there = named.join(MANAGED).is_file();
        return is_there.then(|| named.clone()).ok_or_else(|| CliError::usage(nothing()));
    }
    match headers_above(source) {
        Some(folder) => Ok(folder),
        None => write_to(spare).map_err(CliError::unreadable(spare)).map(|()| spare.to_owned()),
    }
}

/// The `include/` with the headers that is beside the source or above it, as in a checkout.
pub(in crate::cli) fn headers_above(source: &Path) -> Option<PathBuf> {
    let mut above = source.ancestors().skip(1).map(|folder| folder.join("include"));
    above.find(|folder| folder.join(MANAGED).is_file())
}

fn write_to(folder: &Path) -> io::Result<()> {
    HEADERS.iter().try_for_each(|(name, text)| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_far_from_any_checkout_gets_the_embedded_headers() {
        let folder = tempfile::tempdir().unwrap();
        let spare = folder.path().join("spare");
        let found = include_folder(&folder.path().join("sim.c"), &spare).unwrap();
        assert_eq!(found, spare);
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include").join(MANAGED);
        let embedded = fs::read(spare.join(MANAGED)).unwrap();
        assert_eq!(embedded, fs::read(checkout).unwrap());
    }

    #[test]
    fn the_include_folder_of_a_checkout_is_nearer_than_the_embedded_one() {
        let folder = tempfile::tempdir().unwrap();
        let include = folder.path().join("include");
        fs::create_dir_all(&include).unwrap();
        fs::write(include.join(MANAGED), "").unwrap();
        let source = folder.path().join("examples/hello/hello.c");
        let spare = folder.path().join("spare");
        assert_eq!(include_folder(&source, &spare).unwrap(), include);
        assert!(!spare.exists());
    }
}
