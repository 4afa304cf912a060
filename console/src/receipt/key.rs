//! The host's key: what signs receipts, and what checks them. Never touches a file.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use lattice_policies::Sha256;
use serde::{Deserialize, Serialize};

use super::pem;
use crate::secrets;

/// A key's name: the SHA-256 of its 32 public bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct KeyId(Sha256);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a receipt is checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Of a `.pub` file's text; `None` for what is no Ed25519 key, or one that anyone could sign
    /// for.
    pub(crate) fn from_pem(text: &str) -> Option<Self> {
        let key = VerifyingKey::from_bytes(&pem::read(&pem::PUBLIC, text)?).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// The text of its `.pub` file.
    pub(crate) fn pem(&self) -> String {
        pem::write(&pem::PUBLIC, self.0.as_bytes())
    }

    pub(crate) fn id(&self) -> KeyId {
        KeyId(Sha256::of(self.0.as_bytes()))
    }

    /// Whether the key made this signature of the message; a signature has one form only.
    pub(super) fn has_signed(&self, message: &[u8], signature: [u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(&signature)).is_ok()
    }
}

/// What receipts are signed with. It is wiped from memory when it is dropped.
pub(crate) struct HostKey(SigningKey);

impl HostKey {
    /// Draws a key.
    pub(crate) fn draw() -> Self {
        Self(SigningKey::from_bytes(&secrets::key_seed()))
    }

    /// Of a `host.key` file's text; `None` for what is no Ed25519 key.
    pub(super) fn from_pem(text: &str) -> Option<Self> {
        pem::read(&pem::PRIVATE, text).map(|seed| Self(SigningKey::from_bytes(&seed)))
    }

    /// The text of its file, which is the secret itself.
    pub(super) fn pem(&self) -> String {
        pem::write(&pem::PRIVATE, self.0.as_bytes())
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file_and_knows_what_it_signed() {
        let key = HostKey::draw();
        let again = HostKey::from_pem(&key.pem()).unwrap();
        let public = PublicKey::from_pem(&again.public().pem()).unwrap();
        assert_eq!(public.id(), key.public().id());
        let signature = key.sign(b"so it was");
        assert!(public.has_signed(b"so it was", signature));
        assert!(!public.has_signed(b"so it is", signature));
        assert!(!HostKey::draw().public().has_signed(b"so it was", signature));
    }

    #[test]
    fn a_key_for_which_anyone_could_sign_is_none() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(PublicKey::from_pem(&pem::write(&pem::PUBLIC, &identity)).is_none());
    }

    /// The first test vector of RFC 8032, section 7.1.
    #[test]
    fn the_signature_is_that_of_the_standard() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let key = HostKey(SigningKey::from_bytes(&seed.parse::<Sha256>().unwrap().0));
        assert_eq!(key.public().0.to_bytes(), public.parse::<Sha256>().unwrap().0);
        assert_eq!(key.sign(b"")[..4], [0xe5, 0x56, 0x43, 0x00]);
        assert_eq!(key.sign(b"")[60..], [0x8e, 0x7a, 0x10, 0x0b]);
    }
}
