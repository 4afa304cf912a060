//! Embeds the headers of `include/` in the `lattice` command, so that `lattice dev` builds sims
//! wherever the command was copied to. Never changes them.

use std::{env, error::Error, fmt::Write, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let include = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../include").canonicalize()?;
    let mut list = String::from("pub(crate) const HEADERS: &[(&str, &str)] = &[\n");
    add_folder(&include, &include, &mut list)?;
    list += "];\n";
    fs::write(Path::new(&env::var("OUT_DIR")?).join("headers.rs"), list)?;
    Ok(())
}

fn add_folder(root: &Path, folder: &Path, list: &mut String) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries: Result<Vec<_>, _> = fs::read_dir(folder)?.collect();
    let mut paths: Vec<_> = entries?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            add_folder(root, &path, list)?;
        } else {
            let name = text(path.strip_prefix(root)?)?;
            writeln!(list, "    ({name:?}, include_str!({:?})),", text(&path)?)?;
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))
}
