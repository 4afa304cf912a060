//! API tokens. Never holds a secret: only its SHA-256.

use jiff::Timestamp;
use lattice_policies::{Sha256, TokenId, roles::Role};
use rusqlite::{Connection, Row, params};
use serde_json::json;

use crate::{
    Actor, AuditEntry, Store, StoreError, audit,
    columns::{maybe_parsed, now, parsed, time},
};

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
    /// Keeps a token of that id and secret, which the caller drew.
    pub fn create_token(&self, actor: &Actor, new: &NewToken) -> Result<Token, StoreError> {
        self.write(|tx| {
            let expires_at = new.expires_at.map(time);
            let detail = json!({
                "Subject": new.subject, "Role": new.role.text(), "ExpiresAt": expires_at,
            });
            let created = tx
                .prepare_cached(
                    "INSERT INTO token
                        (id, secret, subject, role, created_by, created_at, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING *",
                )?
                .query_and_then(
                    params![
                        new.id.as_str(),
                        new.secret.0,
                        new.subject,
                        new.role.text(),
                        actor.subject,
                        now(),
                        expires_at
                    ],
                    token,
                )?
                .next()
                .ok_or(rusqlite::Error::QueryReturnedNoRows)??;
            audit::append(tx, actor, &entry("token.create", &new.id, detail))?;
            Ok(created)
        })
    }

    /// The token whose secret has that hash, unless it has expired.
    pub fn token_by_secret(&self, secret: Sha256) -> Result<Option<Token>, StoreError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT * FROM token
                 WHERE secret = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
            )?
            .query_and_then(params![secret.0, now()], token)?
            .next()
            .transpose()
        })
    }

    /// Every token, expired ones included, oldest first.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(|db| {
            db.prepare_cached("SELECT * FROM token ORDER BY n")?
                .query_and_then([], token)?
                .collect()
        })
    }

    /// Deletes a token; `false` if there is none of that id.
    pub fn delete_token(&self, actor: &Actor, id: &TokenId) -> Result<bool, StoreError> {
        self.write(|tx| {
            let Some(token) = find(tx, id)? else { return Ok(false) };
            tx.prepare_cached("DELETE FROM token WHERE id = ?1")?.execute([id.as_str()])?;
            let detail = json!({"Subject": token.subject, "Role": token.role.text()});
            audit::append(tx, actor, &entry("token.delete", id, detail))?;
            Ok(true)
        })
    }

    /// Whether a super-admin's token is there that has not expired.
    pub fn has_super_admin(&self) -> Result<bool, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT 1 FROM token
                 WHERE role = 'super-admin' AND (expires_at IS NULL OR expires_at > ?1)",
            )?;
            Ok(query.exists([now()])?)
        })
    }
}

fn find(db: &Connection, id: &TokenId) -> Result<Option<Token>, StoreError> {
    db.prepare_cached("SELECT * FROM token WHERE id = ?1")?
        .query_and_then([id.as_str()], token)?
        .next()
        .transpose()
}

fn entry<'a>(action: &'a str, id: &'a TokenId, detail: serde_json::Value) -> AuditEntry<'a> {
    AuditEntry { action, game: None, target: id.as_str(), outcome: "ok", detail }
}

fn token(row: &Row<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        id: parsed(row, "id")?,
        subject: row.get("subject")?,
        role: parsed(row, "role")?,
        created_at: parsed(row, "created_at")?,
        created_by: row.get("created_by")?,
        expires_at: maybe_parsed(row, "expires_at")?,
    })
}
