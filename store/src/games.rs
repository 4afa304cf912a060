//! Games: a tenant's products, each owned by a subject.

use jiff::Timestamp;
use lattice_policies::GameId;

use crate::{Actor, Page, Store, StoreError};

/// A tenant's product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Game {
    pub id: GameId,
    pub name: String,
    /// The subject that owns it.
    pub owner: String,
    pub created_at: Timestamp,
}

impl Store {
    /// Makes a game of that id, which the caller drew.
    pub fn create_game(
        &self,
        actor: &Actor,
        id: &GameId,
        name: &str,
        owner: &str,
    ) -> Result<Game, StoreError> {
        todo!()
    }

    pub fn game(&self, id: &GameId) -> Result<Option<Game>, StoreError> {
        todo!()
    }

    /// The games of one owner, or all, oldest first.
    pub fn games(&self, owner: Option<&str>, page: &Page) -> Result<Vec<Game>, StoreError> {
        todo!()
    }
}
