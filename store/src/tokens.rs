//! API tokens. Never holds a secret: only its SHA-256.

use jiff::Timestamp;
use lattice_policies::{Sha256, TokenId, roles::Role};

use crate::{Actor, Store, StoreError};

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    pub id: TokenId,
    /// The SHA-256 of the secret's whole text.
    pub secret: Sha256,
    pub subject: String,
    pub role: Role,
    /// `None` for a token that lasts until it is deleted.
    pub expires_at: Option<Timestamp>,
}

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    pub subject: String,
    pub role: Role,
    pub created_at: Timestamp,
    /// The subject that made it.
    pub created_by: String,
    pub expires_at: Option<Timestamp>,
}

impl Store {
    pub fn create_token(&self, actor: &Actor, new: &NewToken) -> Result<Token, StoreError> {
        todo!()
    }

    /// The token whose secret has that hash, unless it has expired.
    pub fn token_by_secret(&self, secret: Sha256) -> Result<Option<Token>, StoreError> {
        todo!()
    }

    /// Every token, expired ones included, oldest first.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        todo!()
    }

    /// Deletes a token; `false` if there is none of that id.
    pub fn delete_token(&self, actor: &Actor, id: &TokenId) -> Result<bool, StoreError> {
        todo!()
    }

    /// Whether a super-admin's token is there that has not expired.
    pub fn has_super_admin(&self) -> Result<bool, StoreError> {
        todo!()
    }
}
