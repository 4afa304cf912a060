//! Players of a match. Never holds a secret: only its SHA-256.

use jiff::Timestamp;
use lattice_policies::{GameId, MatchId, PlayerId, Sha256};
use rusqlite::{Connection, Row, params};
use serde_json::json;

use crate::{
    Actor, AuditEntry, Store, StoreError, audit,
    columns::{maybe_parsed, now, parsed, time},
    matches,
};

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
    /// Adds a player, numbered in order from 1, in a fork from the number behind the last of the
    /// match that it came from; a number is never given twice in a match.
    /// [`StoreError::NoSuchMatch`], [`StoreError::MatchEnded`], [`StoreError::TooManyPlayers`].
    pub fn insert_player(&self, actor: &Actor, new: &NewPlayer<'_>) -> Result<Player, StoreError> {
        self.write(|tx| {
            let game = matches::require_unended(tx, new.match_id)?.game;
            let id = next_number(tx, new)?;
            let player = insert(tx, new, id)?;
            audit_player(tx, actor, "player.add", &player, &game)?;
            Ok(player)
        })
    }

    /// The match's player whose secret has that hash, unless it expired unused.
    pub fn player_by_secret(
        &self,
        match_id: &MatchId,
        secret: Sha256,
    ) -> Result<Option<Player>, StoreError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT * FROM player
                 WHERE match_id = ?1 AND secret = ?2 AND (used_at IS NOT NULL OR expires_at > ?3)",
            )?
            .query_and_then(params![match_id.as_str(), secret.0, now()], player)?
            .next()
            .transpose()
        })
    }

    /// Keeps that a player has connected; only the first time changes anything.
    pub fn player_used(&self, match_id: &MatchId, player_id: PlayerId) -> Result<(), StoreError> {
        self.write(|tx| {
            let used = tx
                .prepare_cached(
                    "UPDATE player SET used_at = ?3
                     WHERE match_id = ?1 AND id = ?2 AND used_at IS NULL RETURNING *",
                )?
                .query_and_then(params![match_id.as_str(), player_id.0, now()], player)?
                .next()
                .transpose()?;
            let Some(player) = used else { return Ok(()) };
            let game = matches::must_find(tx, match_id)?.game;
            audit_player(tx, &Actor::system(), "player.connect", &player, &game)
        })
    }
}

/// The numbers that a match has given to its players.
pub(crate) struct Numbers {
    /// The highest; in a fork without players that of the match that it came from.
    pub(crate) last: u32,
    given: u32,
}

/// Players are never deleted, so all numbers up to the highest were given.
pub(crate) fn numbers(tx: &Connection, match_id: &MatchId) -> Result<Numbers, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT players_before, (SELECT max(player.id) FROM player WHERE match_id = ?1) AS last
             FROM match_run WHERE id = ?1",
        )?
        .query_row([match_id.as_str()], |row| {
            let before = row.get("players_before")?;
            let last = row.get::<_, Option<u32>>("last")?.unwrap_or(before);
            Ok(Numbers { last, given: last.saturating_sub(before) })
        })?)
}

fn next_number(tx: &Connection, new: &NewPlayer<'_>) -> Result<PlayerId, StoreError> {
    let numbers = numbers(tx, new.match_id)?;
    if numbers.given >= new.most {
        return Err(StoreError::TooManyPlayers { most: new.most });
    }
    Ok(PlayerId(numbers.last + 1))
}

fn insert(tx: &Connection, new: &NewPlayer<'_>, id: PlayerId) -> Result<Player, StoreError> {
    let values =
        params![new.match_id.as_str(), id.0, new.name, new.secret.0, now(), time(new.expires_at)];
    tx.prepare_cached(
        "INSERT INTO player (match_id, id, name, secret, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING *",
    )?
    .query_and_then(values, player)?
    .next()
    .ok_or(rusqlite::Error::QueryReturnedNoRows)?
}

/// The name stays out of the audit, which never forgets.
fn audit_player(
    tx: &Connection,
    actor: &Actor,
    action: &str,
    player: &Player,
    game: &GameId,
) -> Result<(), StoreError> {
    let target = &format!("{}/{}", player.match_id, player.id);
    let detail = json!({});
    audit::append(
        tx,
        actor,
        &AuditEntry { action, game: Some(game), target, outcome: "ok", detail },
    )
}

fn player(row: &Row<'_>) -> Result<Player, StoreError> {
    Ok(Player {
        match_id: parsed(row, "match_id")?,
        id: PlayerId(row.get("id")?),
        name: row.get("name")?,
        created_at: parsed(row, "created_at")?,
        expires_at: parsed(row, "expires_at")?,
        used_at: maybe_parsed(row, "used_at")?,
    })
}
