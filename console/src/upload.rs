//! What becomes of an uploaded module: scanned, compiled, committed; or refused, with nothing kept
//! but a line of audit. Each stage is timed.

use std::time::Instant;

use lattice_host::CompileError;
use lattice_policies::{
    GameId, Sha256,
    admission::{self, Admitted, Packaging, Rejection},
    escape::guest_text,
    roles::Permit,
};
use lattice_store::{Actor, AuditEntry, BuildFacts, Inserted, ModuleBuild};
use semver::Version;
use serde_json::json;

use crate::{
    app::{App, blocking, to_its_end},
    http::error::{ApiError, ApiResult},
    packaging::policy_id,
    receipt::sign_build,
    share::Place,
    tier,
};

/// A module that someone may upload, and where to.
pub(crate) struct Upload {
    pub(crate) actor: Actor,
    pub(crate) game: GameId,
    pub(crate) version: Version,
    pub(crate) packaging: Packaging,
    pub(crate) bytes: Vec<u8>,
}

/// An upload that was admitted.
pub(crate) enum Outcome {
    New(ModuleBuild),
    /// The same version with the same bytes was there.
    Same(ModuleBuild),
}

/// Admits the module or says why not; the place among the transfers is held until that is done,
/// also when the client is gone.
pub(crate) async fn admit(
    app: &App,
    _permit: &Permit,
    place: Place<String>,
    upload: Upload,
) -> ApiResult<Outcome> {
    let app = app.clone();
    to_its_end(async move {
        let outcome = decide(&app, upload).await;
        drop(place);
        outcome
    })
    .await
}

async fn decide(app: &App, upload: Upload) -> ApiResult<Outcome> {
    if let Err(why) = tier::require(app.fleet.native_tier(), upload.packaging) {
        return Err(refuse_unjudged(app, upload, why).await);
    }
    let Upload { actor, game, version, packaging, bytes } = upload;
    let admitted = match scan(app, packaging, bytes).await? {
        Ok(admitted) => admitted,
        Err(rejection) => return Err(refuse(app, actor, game, version, rejection).await),
    };
    // A version that is there never changes: the commit says whether this is the same again.
    if is_new(app, &game, &version).await?
        && let Err(error) = compile(app, &admitted).await?
    {
        return Err(refuse_uncompiled(app, actor, game, version, &admitted, error).await);
    }
    commit(app, actor, game, version, admitted).await
}

async fn scan(
    app: &App,
    packaging: Packaging,
    bytes: Vec<u8>,
) -> ApiResult<Result<Admitted, Rejection>> {
    let policy = app.policy.clone();
    let _turn = app.scans.acquire().await.map_err(ApiError::internal)?;
    timed(app, "scan", blocking(move || admission::scan(packaging, bytes, &policy))).await
}

async fn is_new(app: &App, game: &GameId, version: &Version) -> ApiResult<bool> {
    let (game, version) = (game.clone(), version.clone());
    app.store(move |store| Ok(store.build(&game, &version)?.is_none())).await
}

async fn compile(app: &App, admitted: &Admitted) -> ApiResult<Result<(), CompileError>> {
    let (fleet, admitted) = (app.fleet.clone(), admitted.clone());
    timed(app, "compile", blocking(move || fleet.compile(&admitted).map(drop))).await
}

async fn commit(
    app: &App,
    actor: Actor,
    game: GameId,
    version: Version,
    admitted: Admitted,
) -> ApiResult<Outcome> {
    let policy = policy_id(&app.policy, admitted.packaging());
    let keys = app.keys.clone();
    let insert = app.store(move |store| {
        let sign = |facts: &BuildFacts<'_>| sign_build(&keys.host, facts);
        store.insert_build(&actor, &game, &version, &admitted, policy, Some(&sign))
    });
    match timed(app, "commit", insert).await? {
        Inserted::New(build) => {
            app.metrics.uploaded("admitted");
            Ok(Outcome::New(build))
        }
        Inserted::Same(build) => {
            app.metrics.uploaded("same");
            Ok(Outcome::Same(build))
        }
        Inserted::Taken(build) => {
            app.metrics.uploaded("taken");
            Err(ApiError::Conflict(format!(
                "version {} is taken by other bytes, SHA-256 {}: a version never changes, so upload under a new one",
                build.version, build.sha256
            )))
        }
    }
}

/// Refuses what could not be run here, with a row of audit that is no verdict on the module.
async fn refuse_unjudged(app: &App, upload: Upload, why: String) -> ApiError {
    app.metrics.uploaded("unavailable");
    let Upload { actor, game, version, bytes, .. } = upload;
    let told = why.clone();
    let recorded = app.store(move |store| {
        let (target, sha256) = (version.to_string(), Sha256::of(&bytes).to_string());
        let detail = json!({
            "Version": target, "Sha256": sha256, "Size": bytes.len(), "Why": told,
        });
        let (action, outcome) = ("module.upload", "unavailable");
        let entry = AuditEntry { action, game: Some(&game), target: &target, outcome, detail };
        store.record(&actor, &entry)
    });
    recorded.await.map_or_else(|error| error, |()| ApiError::NativeTier(why))
}

async fn refuse(
    app: &App,
    actor: Actor,
    game: GameId,
    version: Version,
    rejection: Rejection,
) -> ApiError {
    app.metrics.uploaded("rejected");
    let recorded = app.store(move |store| {
        store.record_rejection(&actor, &game, &version, &rejection).map(|()| rejection)
    });
    recorded.await.map_or_else(|error| error, |rejection| ApiError::Refused(Box::new(rejection)))
}

/// The scan admits nothing that the compiler is known to refuse; should it happen, it is refused.
async fn refuse_uncompiled(
    app: &App,
    actor: Actor,
    game: GameId,
    version: Version,
    admitted: &Admitted,
    error: CompileError,
) -> ApiError {
    match error {
        CompileError::Busy { .. } => {
            return ApiError::Busy("too many modules wait for the compiler");
        }
        CompileError::Tier(why) => return ApiError::NativeTier(why),
        CompileError::Compile(_) | CompileError::Link(_) => {}
    }
    tracing::warn!(%error, sha256 = %admitted.sha256(), "an admitted module does not compile");
    app.metrics.uploaded("rejected");
    let why = guest_text(error.to_string().as_bytes(), 512);
    let (admitted, told) = (admitted.clone(), why.clone());
    let recorded = app
        .store(move |store| store.record_uncompilable(&actor, &game, &version, &admitted, &told));
    recorded.await.map_or_else(|error| error, |()| ApiError::Uncompilable(why))
}

async fn timed<T>(app: &App, stage: &'static str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    let took = began.elapsed();
    app.metrics.upload_stage(stage, took);
    tracing::debug!(stage, us = took.as_micros() as u64, "upload");
    done
}
