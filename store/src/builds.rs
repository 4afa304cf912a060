//! Builds: immutable admitted uploads, their bytes, and whether they may be scheduled.
//! Never scans; it takes an `Admitted`, which only the scan makes.

use jiff::Timestamp;
use lattice_policies::{
    GameId, Sha256,
    admission::{Admitted, Reason, Rejection},
};
use semver::Version;

use crate::{Actor, Page, Store, StoreError};

/// What a build is packaged as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packaging {
    Wasm,
}

impl Packaging {
    /// The packaging as it stands in requests, answers and the store.
    pub const fn text(self) -> &'static str {
        "wasm"
    }
}

/// An immutable admitted upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleBuild {
    pub game: GameId,
    pub version: Version,
    pub packaging: Packaging,
    pub sha256: Sha256,
    /// In bytes.
    pub size: u64,
    /// The host functions it imports, in order of appearance.
    pub imports: Vec<String>,
    /// Neither retired nor refused: new matches may run it.
    pub schedulable: bool,
    /// The fingerprint of the policy that admitted it.
    pub policy: Sha256,
    /// The version of the scanner that admitted it.
    pub scanner: u32,
    /// The uploader's subject.
    pub uploaded_by: String,
    pub created_at: Timestamp,
    /// Since when its owner keeps it from new matches.
    pub retired_at: Option<Timestamp>,
    /// Why a later check refused it.
    pub refused: Option<String>,
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    New(ModuleBuild),
    /// The version stood there already, with the same bytes.
    Same(ModuleBuild),
    /// The version stands for other bytes, and goes on doing so.
    Taken(ModuleBuild),
}

/// Why a build that was admitted once is refused now.
#[derive(Debug, Clone, Copy)]
pub enum Refusal<'a> {
    /// Today's scan says no.
    Rejected(&'a Rejection),
    /// The stored bytes no longer have the build's hash.
    Altered { found: Sha256 },
}

impl Store {
    /// Keeps an admitted module under a version, with the fingerprint of the policy that said yes.
    pub fn insert_build(
        &self,
        actor: &Actor,
        game: &GameId,
        version: &Version,
        admitted: &Admitted,
        policy: Sha256,
    ) -> Result<Inserted, StoreError> {
        todo!()
    }

    /// Keeps one audit row of a refused upload: who, when, which hash, why. Nothing else.
    pub fn record_rejection(
        &self,
        actor: &Actor,
        game: &GameId,
        version: &Version,
        rejection: &Rejection,
    ) -> Result<(), StoreError> {
        todo!()
    }

    pub fn build(
        &self,
        game: &GameId,
        version: &Version,
    ) -> Result<Option<ModuleBuild>, StoreError> {
        todo!()
    }

    /// A game's builds, highest version first.
    pub fn builds(&self, game: &GameId, page: &Page) -> Result<Vec<ModuleBuild>, StoreError> {
        todo!()
    }

    /// The highest schedulable version that is no pre-release.
    pub fn latest_schedulable(&self, game: &GameId) -> Result<Option<ModuleBuild>, StoreError> {
        todo!()
    }

    /// The stored bytes of that hash.
    pub fn wasm(&self, sha256: Sha256) -> Result<Option<Vec<u8>>, StoreError> {
        todo!()
    }

    /// Restores (`true`) or retires (`false`) a build; `None` if there is none of that version.
    /// A refused build cannot be restored: [`StoreError::NotSchedulable`].
    pub fn set_schedulable(
        &self,
        actor: &Actor,
        game: &GameId,
        version: &Version,
        schedulable: bool,
    ) -> Result<Option<ModuleBuild>, StoreError> {
        todo!()
    }

    /// Every build that new matches may run: what a start checks again.
    pub fn schedulable_builds(&self) -> Result<Vec<ModuleBuild>, StoreError> {
        todo!()
    }

    /// Every build that a check has refused: what a start under another policy may admit again.
    pub fn refused_builds(&self) -> Result<Vec<ModuleBuild>, StoreError> {
        todo!()
    }

    /// Makes a build unschedulable, whose bytes failed a later check.
    pub fn refuse_build(&self, build: &ModuleBuild, why: Refusal<'_>) -> Result<(), StoreError> {
        todo!()
    }

    /// Takes a refusal back, on the proof of a new scan; the row then names that scan's policy.
    pub fn readmit_build(
        &self,
        build: &ModuleBuild,
        admitted: &Admitted,
        policy: Sha256,
    ) -> Result<ModuleBuild, StoreError> {
        todo!()
    }
}
