//! A cgroup per cell, below a folder that the operator has delegated: so much memory, one process.

use std::{
    fs::{self, File},
    io::{self, Write},
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
        File::options().write(true).open(self.0.join(file))?.write_all(value.as_bytes())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            tracing::warn!("the cgroup {} stays: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};

    use super::*;
    use crate::cell::{
        ring::{Ring, image_file},
        spawn::{Order, Spawner},
        tests::built,
    };

    /// A cgroup without controllers, if there is a v2 hierarchy here, and this user may.
    fn cgroup() -> Option<Cgroup> {
        let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let root = roots.into_iter().find(|root| root.join("cgroup.controllers").exists())?;
        let folder = root.join(format!("lattice-test-{}", std::process::id()));
        fs::create_dir(&folder).ok().map(|()| Cgroup(folder))
    }

    #[test]
    fn a_process_is_in_its_cgroup_from_the_start_and_leaves_none() {
        let Some(cgroup) = cgroup() else { return };
        let folder = cgroup.0.clone();
        let order = Order {
            namespaces: 0,
            ring: Ring::new(0, 0).unwrap().file().try_clone().unwrap().into(),
            image: image_file(0).unwrap().into(),
            cgroup: Some(cgroup.processes().unwrap()),
        };
        let child = Spawner::start(&built::cell()).unwrap().spawn(order).unwrap();
        let cgroups = fs::read_to_string(format!("/proc/{}/cgroup", child.pid)).unwrap();
        let own = folder.file_name().unwrap().to_str().unwrap();
        let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
        waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED).unwrap();
        assert!(cgroups.lines().any(|line| line.ends_with(own)), "{cgroups}");
        drop(cgroup);
        assert!(!folder.exists());
    }
}
