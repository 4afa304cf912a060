//! The folder of keys in the data folder: `host.key`, which signs, for its owner alone, and a
//! `KEYID.pub` for each key that ever signed here. Each file is whole or not there.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use thiserror::Error;

use super::key::{HostKey, KeyId, PublicKey};

const FOLDER: &str = "keys";
const HOST_KEY: &str = "host.key";
/// What a public key's file name ends with, behind the key's id.
const PUBLIC: &str = "pub";
/// Permissions that let anyone but the owner do anything.
const OTHERS: u32 = 0o077;

/// Why the keys can't be used.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("{}: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    #[error("{}: the permissions {mode:o} let others use the key: `chmod 600` it, and `lattice key rotate` if someone may have read it", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{} is no Ed25519 private key in PEM: bring the right one back, or move it away, and the next start makes a new one", .0.display())]
    NoPrivateKey(PathBuf),
    #[error("{} is no Ed25519 public key in PEM, or not the one that its name says: remove it, or bring the right one back", .0.display())]
    NoPublicKey(PathBuf),
    #[error("there is no key in {}: `lattice serve` makes one at its first start", .0.display())]
    Missing(PathBuf),
}

/// The keys of a host that runs.
pub(crate) struct Keys {
    /// The one that signs.
    pub(crate) host: HostKey,
    /// All that ever signed, in the order of their ids.
    pub(crate) public: Vec<PublicKey>,
}

/// The folder of keys.
#[derive(Debug, Clone)]
pub(crate) struct KeyFolder(PathBuf);

impl KeyFolder {
    /// Of a data folder; nothing is looked at or made yet.
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self(data_dir.join(FOLDER))
    }

    /// All keys; where none signs, a new one is made.
    pub(crate) fn keys(&self) -> Result<Keys, KeyError> {
        let host = self.open_or_make()?;
        Ok(Keys { host, public: self.public_keys()? })
    }

    /// The host's key; where there is none, a new one is made.
    fn open_or_make(&self) -> Result<HostKey, KeyError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(at(&self.0))?;
        let key = match self.open() {
            Err(KeyError::Missing(_)) => self.install(HostKey::draw())?,
            opened => opened?,
        };
        self.publish(&key.public())?;
        Ok(key)
    }

    /// The host's key. One that others than its owner can read is refused.
    pub(crate) fn open(&self) -> Result<HostKey, KeyError> {
        let path = self.0.join(HOST_KEY);
        let text = match fs::read_to_string(&path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(KeyError::Missing(self.0.clone()));
            }
            read => read.map_err(at(&path))?,
        };
        let mode = fs::metadata(&path).map_err(at(&path))?.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(KeyError::Exposed { path, mode });
        }
        HostKey::from_pem(&text).ok_or(KeyError::NoPrivateKey(path))
    }

    /// Replaces the host's key by a new one, which it gives. The old one is gone; its public key
    /// stays, and with it what was signed can be checked.
    pub(crate) fn rotate(&self) -> Result<HostKey, KeyError> {
        self.publish(&self.open()?.public())?;
        self.install(HostKey::draw())
    }

    /// Every public key that is known here, in the order of their ids.
    pub(crate) fn public_keys(&self) -> Result<Vec<PublicKey>, KeyError> {
        let listed = match fs::read_dir(&self.0) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(at(&self.0))?,
        };
        let mut keys = Vec::new();
        for entry in listed {
            let path = entry.map_err(at(&self.0))?.path();
            if path.extension().is_some_and(|extension| extension == PUBLIC) {
                keys.push(read_public(path)?);
            }
        }
        keys.sort_by_key(PublicKey::id);
        Ok(keys)
    }

    /// The public key comes first, so that each key that signs can be checked.
    fn install(&self, key: HostKey) -> Result<HostKey, KeyError> {
        self.publish(&key.public())?;
        self.write(HOST_KEY, &key.pem(), 0o600)?;
        Ok(key)
    }

    fn publish(&self, key: &PublicKey) -> Result<(), KeyError> {
        self.write(&public_name(key.id()), &key.pem(), 0o644)
    }

    /// Writes a file beside its place, for its owner alone, and moves it there.
    fn write(&self, name: &str, text: &str, mode: u32) -> Result<(), KeyError> {
        let path = self.0.join(name);
        let write = || {
            let mut file = NamedTempFile::new_in(&self.0)?;
            file.write_all(text.as_bytes())?;
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(at(&path))
    }
}

fn public_name(id: KeyId) -> String {
    format!("{id}.{PUBLIC}")
}

fn read_public(path: PathBuf) -> Result<PublicKey, KeyError> {
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    let key = PublicKey::from_pem(&text);
    let is_named = |key: &PublicKey| path.file_name() == Some(public_name(key.id()).as_ref());
    key.filter(is_named).ok_or(KeyError::NoPublicKey(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |cause| KeyError::Io { path, cause }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn folder() -> (TempDir, KeyFolder) {
        let data = TempDir::new().unwrap();
        let keys = KeyFolder::of(data.path());
        (data, keys)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let (data, keys) = folder();
        assert!(matches!(keys.open(), Err(KeyError::Missing(_))));
        assert!(keys.public_keys().unwrap().is_empty());
        let made = keys.open_or_make().unwrap().public();
        assert_eq!(keys.open_or_make().unwrap().public(), made);
        assert_eq!(keys.public_keys().unwrap(), [made]);
        assert_eq!(mode(&data.path().join("keys/host.key")), 0o600);
        assert_eq!(mode(&data.path().join("keys")), 0o700);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let (data, keys) = folder();
        keys.open_or_make().unwrap();
        let path = data.path().join("keys/host.key");
        for exposed in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, Permissions::from_mode(exposed)).unwrap();
            let refused = keys.open_or_make().err().unwrap().to_string();
            assert!(refused.contains(&format!("{exposed:o}")), "{refused}");
        }
    }

    #[test]
    fn a_rotated_key_signs_no_more_and_is_still_known() {
        let (_data, keys) = folder();
        let old = keys.open_or_make().unwrap().public();
        let new = keys.rotate().unwrap().public();
        assert_ne!(old, new);
        assert_eq!(keys.open().unwrap().public(), new);
        let known = keys.public_keys().unwrap();
        assert!(known.len() == 2 && known.contains(&old) && known.contains(&new));
    }

    #[test]
    fn a_damaged_key_is_named_and_never_replaced() {
        let (data, keys) = folder();
        let id = keys.open_or_make().unwrap().public().id();
        let path = data.path().join("keys/host.key");
        fs::write(&path, "no key").unwrap();
        let refused = keys.open_or_make().err().unwrap().to_string();
        assert!(refused.contains("host.key"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "no key");

        let public = data.path().join("keys").join(public_name(id));
        let other = data.path().join("keys").join(format!("{}.pub", "0".repeat(64)));
        fs::rename(public, &other).unwrap();
        let refused = keys.public_keys().unwrap_err().to_string();
        assert!(refused.contains(&other.display().to_string()), "{refused}");
    }
}
