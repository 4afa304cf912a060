//! Players of a match. Never holds a secret: only its SHA-256.

use jiff::Timestamp;
use lattice_policies::{MatchId, PlayerId, Sha256};

use crate::{Actor, Store, StoreError};

/// A player to be added to a match.
#[derive(Debug, Clone)]
pub struct NewPlayer<'a> {
    pub match_id: &'a MatchId,
    pub name: &'a str,
    /// The SHA-256 of the secret's whole text.
    pub secret: Sha256,
    /// Until when the secret must have been used first.
    pub expires_at: Timestamp,
    /// Players that the match may have over its life.
    pub most: u32,
}

/// A participant of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Player {
    pub match_id: MatchId,
    pub id: PlayerId,
    pub name: String,
    pub created_at: Timestamp,
    /// Until when the secret must have been used first.
    pub expires_at: Timestamp,
    /// When it was used first; it is good for the match's whole life from then on.
    pub used_at: Option<Timestamp>,
}

impl Store {
    /// Adds a player, numbered in order from 1; a number is never given twice in a match.
    /// [`StoreError::NoSuchMatch`], [`StoreError::MatchEnded`], [`StoreError::TooManyPlayers`].
    pub fn insert_player(&self, actor: &Actor, new: &NewPlayer<'_>) -> Result<Player, StoreError> {
        todo!()
    }

    /// The match's player whose secret has that hash, unless it expired unused.
    pub fn player_by_secret(
        &self,
        match_id: &MatchId,
        secret: Sha256,
    ) -> Result<Option<Player>, StoreError> {
        todo!()
    }

    /// Keeps that a player has connected; only the first time changes anything.
    pub fn player_used(&self, match_id: &MatchId, player: PlayerId) -> Result<(), StoreError> {
        todo!()
    }
}
