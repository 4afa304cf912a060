//! `/games/{game}/modules` and what is below it: a game's builds.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{StatusCode, header};
use lattice_policies::{
    Sha256,
    admission::Packaging,
    roles::{Action, Permit},
    version,
};
use lattice_store::{Game, ModuleBuild};
use semver::Version;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body::{self, Base64, BodyError},
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    list::{Listed, PageOf, PageQuery},
    path::Path,
};
use crate::{
    answers::AdmissionAnswer,
    app::App,
    packaging,
    share::Place,
    upload::{self, Outcome, Upload},
};

/// A module to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewModule {
    /// `wasm` or `native`.
    packaging: String,
    /// A semantic version without build metadata.
    #[schema(example = "1.0.0")]
    version: String,
    /// The module, where the packaging is `wasm`.
    #[schema(value_type = Option<String>, format = Byte)]
    wasm_base64: Option<Base64>,
    /// The shared object, where the packaging is `native`.
    #[schema(value_type = Option<String>, format = Byte)]
    native_base64: Option<Base64>,
}

impl NewModule {
    /// The packaging and the bytes: the one member that goes with it must be there, and the other
    /// not.
    fn bytes(self) -> ApiResult<(Packaging, Vec<u8>)> {
        let packaging: Packaging =
            self.packaging.parse().map_err(|error| ApiError::value("Packaging", error))?;
        let (wasm, native) =
            (("WasmBase64", self.wasm_base64), ("NativeBase64", self.native_base64));
        let ((name, bytes), (other, others)) = match packaging {
            Packaging::Wasm => (wasm, native),
            Packaging::Native => (native, wasm),
        };
        if others.is_some() {
            let why = format!("it does not go with the packaging `{packaging}`, but `{name}` does");
            return Err(ApiError::value(other, why));
        }
        let missing =
            format!("missing field `{name}`, which goes with the packaging `{packaging}`");
        Ok((packaging, bytes.ok_or(BodyError::Json(missing))?.0))
    }
}

/// An admitted module.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BuildAnswer {
    #[serde(flatten)]
    admission: AdmissionAnswer,
    game: String,
    version: String,
    packaging: &'static str,
    /// The fingerprint of the policy that admitted it.
    policy: String,
    /// The version of the scanner that admitted it.
    scanner: u32,
    uploaded_by: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retired_at: Option<String>,
    /// What must come before matches start from it: `native-transcript`.
    #[serde(skip_serializing_if = "Option::is_none")]
    awaits: Option<&'static str>,
    /// Why a later check refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl From<ModuleBuild> for BuildAnswer {
    fn from(build: ModuleBuild) -> Self {
        Self {
            game: build.game.to_string(),
            version: build.version.to_string(),
            packaging: build.packaging.text(),
            policy: build.policy.to_string(),
            scanner: build.scanner,
            uploaded_by: build.uploaded_by,
            created_at: build.created_at.to_string(),
            retired_at: build.retired_at.map(|at| at.to_string()),
            awaits: build.awaits_transcript.then_some("native-transcript"),
            refused: build.refused,
            admission: AdmissionAnswer {
                admitted: true,
                schedulable: build.schedulable,
                imports: Some(build.imports),
                replay_only: build.replay_only,
                reasons: None,
                reasons_total: None,
                sha256: build.sha256,
                size: build.size as usize,
            },
        }
    }
}

/// Uploads a module as base64 in JSON. It is admitted, or refused with every reason and not kept.
#[utoipa::path(
    post, path = "/games/{game}/modules", tag = "modules",
    params(("game" = String, Path)), request_body = NewModule,
    responses(
        (status = 201, body = BuildAnswer),
        (status = 200, body = BuildAnswer, description = "the same version with the same bytes was there"),
        (status = 400, body = AdmissionAnswer, description = "refused; problem members stand beside"),
        (status = "4XX", body = Problem),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(game): Path<String>,
    request: Request,
) -> ApiResult<(StatusCode, Json<BuildAnswer>)> {
    let (game, permit, place) = may_upload(&app, &caller, &game).await?;
    let new: NewModule = body::json(request, app.largest_body()).await?;
    let version = parse_version("Version", &new.version)?;
    admit(&app, caller, game, &permit, place, version, new.bytes()?).await
}

/// Uploads a module as it is: `curl -T game_sim.wasm`, or `-T game_sim.so`.
#[utoipa::path(
    put, path = "/games/{game}/modules/{version}", tag = "modules",
    params(("game" = String, Path), ("version" = String, Path)),
    request_body(content(
        (Vec<u8> = "application/wasm"),
        (Vec<u8> = "application/x-sharedlib"),
    )),
    responses(
        (status = 201, body = BuildAnswer),
        (status = 200, body = BuildAnswer, description = "the same version with the same bytes was there"),
        (status = 400, body = AdmissionAnswer, description = "refused; problem members stand beside"),
        (status = "4XX", body = Problem),
    ),
)]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path((game, version)): Path<(String, String)>,
    request: Request,
) -> ApiResult<(StatusCode, Json<BuildAnswer>)> {
    let (game, permit, place) = may_upload(&app, &caller, &game).await?;
    let version = parse_version("version", &version)?;
    // `curl -T` names no type.
    let named = body::content_type(request.headers()).map(|found| {
        let wrong = || body::wrong_type(&found, "application/wasm` or `application/x-sharedlib");
        packaging::of_content_type(&found).ok_or_else(wrong)
    });
    let named = named.transpose()?;
    let bytes = body::bytes(request, app.largest_body()).await?;
    let packaging = named.unwrap_or_else(|| Packaging::of(&bytes));
    admit(&app, caller, game, &permit, place, version, (packaging, bytes.into())).await
}

/// Lists a game's builds, the highest version first.
#[utoipa::path(
    get, path = "/games/{game}/modules", tag = "modules",
    params(("game" = String, Path), PageQuery),
    responses((status = 200, body = Listed<BuildAnswer>), (status = "4XX", body = Problem)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(game): Path<String>,
    PageOf(page): PageOf,
) -> ApiResult<Json<Listed<BuildAnswer>>> {
    let (game, _permit) = caller.game(&app, &game, |owner| Action::ReadGame { owner }).await?;
    let listed = app.store(move |store| {
        let builds = store.builds(&game.id, &page)?;
        Ok(Listed::page(builds, &page, |build| build.version.to_string(), BuildAnswer::from))
    });
    listed.await.map(Json)
}

/// Shows a build.
#[utoipa::path(
    get, path = "/games/{game}/modules/{version}", tag = "modules",
    params(("game" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = BuildAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path((game, version)): Path<(String, String)>,
) -> ApiResult<Json<BuildAnswer>> {
    let (game, _permit) = caller.game(&app, &game, |owner| Action::ReadGame { owner }).await?;
    Ok(Json(build(&app, &game, &version).await?.into()))
}

/// Gives the bytes of a build that is wasm.
#[utoipa::path(
    get, path = "/games/{game}/modules/{version}/wasm", tag = "modules",
    params(("game" = String, Path), ("version" = String, Path)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/wasm"),
        (status = "4XX", body = Problem),
    ),
)]
pub(crate) async fn wasm(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<(String, String)>,
) -> ApiResult<Response> {
    bytes(&app, &caller, path, Packaging::Wasm).await
}

/// Gives the bytes of a build that is native.
#[utoipa::path(
    get, path = "/games/{game}/modules/{version}/native", tag = "modules",
    params(("game" = String, Path), ("version" = String, Path)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/x-sharedlib"),
        (status = "4XX", body = Problem),
    ),
)]
pub(crate) async fn native(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<(String, String)>,
) -> ApiResult<Response> {
    bytes(&app, &caller, path, Packaging::Native).await
}

async fn bytes(
    app: &App,
    caller: &Caller,
    (game, version): (String, String),
    packaging: Packaging,
) -> ApiResult<Response> {
    let (game, _permit) = caller.game(app, &game, |owner| Action::ReadGame { owner }).await?;
    let place = transfer(app, caller)?;
    let build = build(app, &game, &version).await?;
    if build.packaging != packaging {
        return Err(elsewhere(&build));
    }
    let sha256 = build.sha256;
    let bytes = app.store(move |store| store.module(sha256)).await?.unwrap_or_default();
    if Sha256::of(&bytes) != sha256 {
        return Err(ApiError::internal(format_args!("the bytes of {sha256} were altered")));
    }
    let headers = [
        (header::CONTENT_TYPE, packaging::content_type(packaging).to_owned()),
        (header::CONTENT_LENGTH, bytes.len().to_string()),
        (header::ETAG, format!("\"{sha256}\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, in_pieces(bytes.into(), place)).into_response())
}

/// Where the bytes of a build are instead.
fn elsewhere(build: &ModuleBuild) -> ApiError {
    let ModuleBuild { game, version, packaging, .. } = build;
    let path = format!("/games/{game}/modules/{version}/{packaging}");
    ApiError::Elsewhere(format!("build {version} is {packaging}: its bytes are at {path}"))
}

/// Keeps a build from new matches; running ones go on.
#[utoipa::path(
    post, path = "/games/{game}/modules/{version}/retire", tag = "modules",
    params(("game" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = BuildAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn retire(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<(String, String)>,
) -> ApiResult<Json<BuildAnswer>> {
    set_schedulable(&app, caller, path, false).await
}

/// Lets a retired build be used for new matches again.
#[utoipa::path(
    post, path = "/games/{game}/modules/{version}/restore", tag = "modules",
    params(("game" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = BuildAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn restore(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<(String, String)>,
) -> ApiResult<Json<BuildAnswer>> {
    set_schedulable(&app, caller, path, true).await
}

/// Decides before a byte of the body is read.
async fn may_upload(
    app: &App,
    caller: &Caller,
    game: &str,
) -> ApiResult<(Game, Permit, Place<String>)> {
    let (game, permit) = caller.game(app, game, |owner| Action::UploadModule { owner }).await?;
    Ok((game, permit, transfer(app, caller)?))
}

pub(super) fn transfer(app: &App, caller: &Caller) -> ApiResult<Place<String>> {
    let place = app.transfers.take(caller.principal.subject.clone());
    place.ok_or(ApiError::Busy("too many modules and logs are on their way"))
}

async fn admit(
    app: &App,
    caller: Caller,
    game: Game,
    permit: &Permit,
    place: Place<String>,
    version: Version,
    (packaging, bytes): (Packaging, Vec<u8>),
) -> ApiResult<(StatusCode, Json<BuildAnswer>)> {
    let upload = Upload { actor: caller.actor, game: game.id, version, packaging, bytes };
    Ok(match upload::admit(app, permit, place, upload).await? {
        Outcome::New(build) => (StatusCode::CREATED, Json(build.into())),
        Outcome::Same(build) => (StatusCode::OK, Json(build.into())),
    })
}

pub(super) async fn build(app: &App, game: &Game, version: &str) -> ApiResult<ModuleBuild> {
    let version = parse_version("version", version)?;
    let id = game.id.clone();
    let build = app.store(move |store| store.build(&id, &version)).await?;
    build.ok_or(ApiError::NotFound("build"))
}

async fn set_schedulable(
    app: &App,
    caller: Caller,
    (game, version): (String, String),
    schedulable: bool,
) -> ApiResult<Json<BuildAnswer>> {
    let (game, _permit) = caller.game(app, &game, |owner| Action::ChangeModule { owner }).await?;
    let version = parse_version("version", &version)?;
    let changed = app
        .store(move |store| store.set_schedulable(&caller.actor, &game.id, &version, schedulable));
    Ok(Json(changed.await?.ok_or(ApiError::NotFound("build"))?.into()))
}

pub(super) fn parse_version(name: &'static str, text: &str) -> ApiResult<Version> {
    version::parse(text).map_err(|error| ApiError::value(name, error))
}

/// A body that holds its place among the transfers until it is sent.
pub(super) fn in_pieces(bytes: Bytes, place: Place<String>) -> Body {
    const PIECE: usize = 64 << 10;
    Body::from_stream(stream::unfold((bytes, place), |(mut bytes, place)| async {
        if bytes.is_empty() {
            return None;
        }
        let piece = bytes.split_to(bytes.len().min(PIECE));
        Some((Ok::<_, std::convert::Infallible>(piece), (bytes, place)))
    }))
}
