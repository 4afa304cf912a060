//! A cgroup per cell, below a folder that the operator has delegated: so much memory, one process.

use std::{
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

/// The folder below which cgroups are made.
pub(super) struct Cgroups(PathBuf);

impl Cgroups {
    /// Tries it out; otherwise says what the folder lacks.
    pub(super) fn of(folder: &Path) -> Result<Self, String> {
        let told = |why: String| format!("{}: {why}", folder.display());
        let controllers = fs::read_to_string(folder.join("cgroup.subtree_control"))
            .map_err(|error| told(format!("no folder of cgroup v2: {error}")))?;
        let has = |name: &str| controllers.split_whitespace().any(|it| it == name);
        let lacks: Vec<_> = ["memory", "pids"].into_iter().filter(|name| !has(name)).collect();
        if !lacks.is_empty() {
            let lacks = lacks.join(" and ");
            return Err(told(format!("cgroup.subtree_control does not hand down {lacks}")));
        }
        let cgroups = Self(folder.to_owned());
        let tried = cgroups.make(u64::MAX, 1 << 20).and_then(|cgroup| cgroup.processes());
        tried.map_err(|error| told(error.to_string()))?;
        Ok(cgroups)
    }

    /// A new cgroup for one process with so many bytes of memory.
    pub(super) fn make(&self, id: u64, memory: u64) -> io::Result<Cgroup> {
        let folder = self.0.join(format!("cell-{}-{id}", std::process::id()));
        fs::create_dir(&folder)?;
        let cgroup = Cgroup(folder);
        cgroup.set("pids.max", "1")?;
        cgroup.set("memory.max", &memory.to_string())?;
        match cgroup.set("memory.swap.max", "0") {
            // A kernel without swap has no such file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        Ok(cgroup)
    }
}

/// A cgroup, removed when it is dropped, which is after its process.
pub(super) struct Cgroup(PathBuf);

impl Cgroup {
    /// The file by which a process enters.
    pub(super) fn processes(&self) -> io::Result<OwnedFd> {
        let file = File::options().write(true).open(self.0.join("cgroup.procs"))?;
        Ok(file.into())
    }

    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        fs::write(self.0.join(file), value)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            tracing::warn!("the cgroup {} stays: {error}", self.0.display());
        }
    }
}
