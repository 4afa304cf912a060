//! Whether a build may be scheduled: its owner's retiring and restoring, the refusals of a later
//! check, and its passing of the game's gate. Never decides; it keeps what was decided, and its
//! proof's name.

use lattice_policies::{
    GameId, Sha256,
    admission::{Admitted, Rejection, SCANNER},
};
use rusqlite::params;
use semver::Version;
use serde_json::{Value, json};

use crate::{
    Actor, ModuleBuild, Store, StoreError,
    builds::{audit_build, build, find, must_find, reasons, require_module, select},
    columns::now,
};

/// Reasons that a refused build's row spells out; the audit has them all.
const REASONS_IN_ROW: usize = 3;

/// Why a build that was admitted once is refused now.
#[derive(Debug, Clone, Copy)]
pub enum Refusal<'a> {
    /// Today's scan says no.
    Rejected(&'a Rejection),
    /// The stored bytes no longer have the build's hash.
    Altered { found: Sha256 },
}

impl Store {
    /// Restores (`true`) or retires (`false`) a build; `None` if there is none of that version.
    /// A refused build cannot be restored: [`StoreError::NotSchedulable`].
    pub fn set_schedulable(
        &self,
        actor: &Actor,
        game: &GameId,
        version: &Version,
        schedulable: bool,
    ) -> Result<Option<ModuleBuild>, StoreError> {
        let action = if schedulable { "module.restore" } else { "module.retire" };
        self.write(|tx| {
            let Some(build) = find(tx, game, version)? else { return Ok(None) };
            if let (true, Some(why)) = (schedulable, &build.refused) {
                let (version, why) = (version.clone(), format!("refused: {why}"));
                return Err(StoreError::NotSchedulable { version, why });
            }
            let changes = build.retired_at.is_some() == schedulable;
            if changes {
                tx.prepare_cached(
                    "UPDATE module_build SET retired_at = ?3 WHERE game = ?1 AND version = ?2",
                )?
                .execute(params![
                    game.as_str(),
                    version.to_string(),
                    (!schedulable).then(now)
                ])?;
            }
            let outcome = if changes { "ok" } else { "unchanged" };
            let detail = json!({"Sha256": build.sha256.to_string()});
            audit_build(tx, actor, action, (game, version), outcome, detail)?;
            find(tx, game, version)
        })
    }

    /// Keeps that a build was verified against a native transcript, which opens its game's gate to
    /// it for good; `detail` says by what. [`StoreError::NoSuchBuild`].
    pub fn set_verified(
        &self,
        actor: &Actor,
        game: &GameId,
        version: &Version,
        detail: Value,
    ) -> Result<ModuleBuild, StoreError> {
        self.write(|tx| {
            must_find(tx, game, version)?;
            let verified = tx
                .prepare_cached(
                    "UPDATE module_build SET verified_at = ?3
                     WHERE game = ?1 AND version = ?2 AND verified_at IS NULL",
                )?
                .execute([game.as_str(), &version.to_string(), &now()])?;
            let outcome = if verified == 1 { "ok" } else { "unchanged" };
            audit_build(tx, actor, "module.verify", (game, version), outcome, detail)?;
            must_find(tx, game, version)
        })
    }

    /// Every build that is neither retired nor refused: what a start checks again.
    pub fn schedulable_builds(&self) -> Result<Vec<ModuleBuild>, StoreError> {
        self.builds_where("WHERE retired_at IS NULL AND refused IS NULL ORDER BY n")
    }

    /// Every build that a check has refused: what a start under another policy may admit again.
    pub fn refused_builds(&self) -> Result<Vec<ModuleBuild>, StoreError> {
        self.builds_where("WHERE refused IS NOT NULL ORDER BY n")
    }

    fn builds_where(&self, clauses: &str) -> Result<Vec<ModuleBuild>, StoreError> {
        self.read(|db| db.prepare_cached(&select(clauses))?.query_and_then([], build)?.collect())
    }

    /// Makes a build unschedulable that failed a later check.
    pub fn refuse_build(&self, build: &ModuleBuild, why: Refusal<'_>) -> Result<(), StoreError> {
        let (game, version) = (&build.game, &build.version);
        self.write(|tx| {
            must_find(tx, game, version)?;
            tx.prepare_cached(
                "UPDATE module_build SET refused = ?3 WHERE game = ?1 AND version = ?2",
            )?
            .execute([game.as_str(), &version.to_string(), &summary(why)])?;
            let detail = detail(build, why);
            audit_build(tx, &Actor::system(), "module.check", (game, version), "rejected", detail)
        })
    }

    /// Takes a refusal back, on the proof of a new scan; the row then names that scan's policy.
    pub fn readmit_build(
        &self,
        build: &ModuleBuild,
        admitted: &Admitted,
        policy: Sha256,
    ) -> Result<ModuleBuild, StoreError> {
        let (game, version) = (&build.game, &build.version);
        self.write(|tx| {
            let build = must_find(tx, game, version)?;
            require_module(&build, admitted.sha256())?;
            tx.prepare_cached(
                "UPDATE module_build SET refused = NULL, policy = ?3, scanner = ?4
                 WHERE game = ?1 AND version = ?2",
            )?
            .execute(params![
                game.as_str(),
                version.to_string(),
                policy.0,
                SCANNER
            ])?;
            let detail = json!({
                "Sha256": build.sha256.to_string(),
                "Policy": policy.to_string(),
                "Scanner": SCANNER,
                "PolicyBefore": build.policy.to_string(),
                "ScannerBefore": build.scanner,
            });
            audit_build(tx, &Actor::system(), "module.check", (game, version), "ok", detail)?;
            must_find(tx, game, version)
        })
    }
}

/// The refusal in the build's row, for a person.
fn summary(why: Refusal<'_>) -> String {
    match why {
        Refusal::Altered { found } => format!("its stored bytes have the hash {found}"),
        Refusal::Rejected(rejection) => {
            let mut listed: Vec<String> = rejection
                .reasons
                .iter()
                .take(REASONS_IN_ROW)
                .map(|reason| format!("{} {}", reason.code, reason.detail))
                .collect();
            if rejection.total > listed.len() {
                listed.push(format!("and {} more", rejection.total - listed.len()));
            }
            listed.join("; ")
        }
    }
}

fn detail(build: &ModuleBuild, why: Refusal<'_>) -> Value {
    let mut detail = json!({"Sha256": build.sha256.to_string(), "Scanner": SCANNER});
    match why {
        Refusal::Altered { found } => detail["Found"] = found.to_string().into(),
        Refusal::Rejected(rejection) => {
            detail["Reasons"] = reasons(rejection);
            detail["ReasonsTotal"] = rejection.total.into();
        }
    }
    detail
}
