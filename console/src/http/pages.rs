//! What a person opens: the front page, and a match's page below `/play/{match}/`. The latter are
//! the files of the game's folder, if the operator gave it one, and else a plain page of ours.
//!
//! Serves nothing from outside that folder, and needs no token: a page holds no secret.

use std::{
    fs::File,
    io::Read,
    path::{Path as FilePath, PathBuf},
};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use futures_util::stream;
use http::header;
use lattice_policies::MatchId;

use super::{
    error::{ApiError, ApiResult, Problem},
    path::Path,
};
use crate::app::{App, blocking};

/// A page may load what its own server gives, and talk to it; nothing else.
const POLICY: &str = "default-src 'self'; connect-src 'self'; img-src 'self' data: blob:; \
                      object-src 'none'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The plain page, for games without one of their own.
const PLAIN_PAGE: [(&str, &str); 3] = [
    ("index.html", include_str!("../../pages/player.html")),
    ("player.js", include_str!("../../pages/player.js")),
    ("player.css", include_str!("../../pages/player.css")),
];

/// The front page.
#[utoipa::path(
    get, path = "/", tag = "pages", security(()),
    responses((status = 200, content_type = "text/html")),
)]
pub(crate) async fn root() -> Response {
    file_response("index.html", Content::Text(include_str!("../../pages/root.html")))
}

/// Adds the slash that a page's relative links need.
#[utoipa::path(
    get, path = "/play/{match}", tag = "pages", security(()), params(("match" = String, Path)),
    responses((status = 308)),
)]
pub(crate) async fn redirect(Path(id): Path<String>) -> ApiResult<Redirect> {
    let id: MatchId = id.parse().map_err(|_| ApiError::NotFound("match"))?;
    Ok(Redirect::permanent(&format!("/play/{id}/")))
}

/// The page of a match's game. The player's token stands in the fragment, which is not sent.
#[utoipa::path(
    get, path = "/play/{match}/", tag = "pages", security(()), params(("match" = String, Path)),
    responses((status = 200, content_type = "text/html"), (status = "4XX", body = Problem)),
)]
pub(crate) async fn index(State(app): State<App>, Path(id): Path<String>) -> ApiResult<Response> {
    serve(app, id, "index.html".to_owned()).await
}

/// A file of the page.
#[utoipa::path(
    get, path = "/play/{match}/{file}", tag = "pages", security(()),
    params(("match" = String, Path), ("file" = String, Path)),
    responses((status = 200), (status = "4XX", body = Problem)),
)]
pub(crate) async fn file(
    State(app): State<App>,
    Path((id, file)): Path<(String, String)>,
) -> ApiResult<Response> {
    serve(app, id, file).await
}

async fn serve(app: App, id: String, file: String) -> ApiResult<Response> {
    let id: MatchId = id.parse().map_err(|_| ApiError::NotFound("match"))?;
    let found = app.store(move |store| store.match_by_id(&id)).await?;
    let game = found.ok_or(ApiError::NotFound("match"))?.game;
    let folder = app.config.pages_dir.join(game.as_str());
    let custom = !app.config.pages_dir.as_os_str().is_empty();
    let name = file.clone();
    let open = move || {
        if custom && folder.is_dir() { open_below(&folder, &file) } else { plain(&file) }
    };
    let content = blocking(open).await?.ok_or(ApiError::NotFound("page"))?;
    Ok(file_response(&name, content))
}

/// What a file of a page holds.
enum Content {
    Text(&'static str),
    /// That many bytes from the file's start.
    File(File, u64),
}

fn plain(file: &str) -> Option<Content> {
    let (_, text) = PLAIN_PAGE.into_iter().find(|(name, _)| *name == file)?;
    Some(Content::Text(text))
}

/// Opens the file, if its path stays below the folder, links included.
fn open_below(folder: &FilePath, file: &str) -> Option<Content> {
    let folder = folder.canonicalize().ok()?;
    let path = folder.join(relative(file)?).canonicalize().ok()?;
    // Only a plain file is opened: to open a pipe would wait for its other end.
    let size = path.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    if !path.starts_with(&folder) {
        return None;
    }
    Some(Content::File(File::open(path).ok()?, size))
}

/// A path of plain names only: no hidden files, no way up, nothing that another system reads
/// otherwise.
fn relative(file: &str) -> Option<PathBuf> {
    let plain = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0'])
    };
    file.split('/').all(plain).then(|| file.into())
}

fn file_response(name: &str, content: Content) -> Response {
    let (size, body) = match content {
        Content::Text(text) => (text.len() as u64, Body::from(text)),
        Content::File(file, size) => (size, in_pieces(file, size)),
    };
    let headers = [
        (header::CONTENT_TYPE, content_type(name)),
        (header::CONTENT_LENGTH, &size.to_string()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, body).into_response()
}

/// Reads the file as fast as the client takes it: anyone may ask, so little of it is in memory.
fn in_pieces(file: File, size: u64) -> Body {
    const PIECE: u64 = 64 << 10;
    Body::from_stream(stream::try_unfold((file, size), |(mut file, left)| async move {
        let read = blocking(move || {
            let mut piece = Vec::new();
            let read = file.by_ref().take(left.min(PIECE)).read_to_end(&mut piece);
            read.map(|read| (piece, (file, left - read as u64)))
        });
        let (piece, rest) = read.await?.map_err(ApiError::internal)?;
        Ok::<_, ApiError>((!piece.is_empty()).then_some((piece, rest)))
    }))
}

fn content_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("page");
        std::fs::create_dir_all(folder.join("art")).unwrap();
        std::fs::write(outside.path().join("secret.txt"), "secret").unwrap();
        std::fs::write(folder.join("art/ship.png"), "ship").unwrap();
        std::fs::write(folder.join(".hidden"), "hidden").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.join("link")).unwrap();

        let read = |file: &str| match open_below(&folder, file)? {
            Content::File(mut file, size) => {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text.len() as u64, size);
                Some(text)
            }
            Content::Text(text) => Some(text.to_owned()),
        };
        assert_eq!(read("art/ship.png").unwrap(), "ship");
        for bad in [
            "../secret.txt",
            "art/../../secret.txt",
            "link/secret.txt",
            "/etc/passwd",
            ".hidden",
            "art//ship.png",
            "art",
            "",
            "art\\ship.png",
            "nothing.html",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_plain_page_names_only_files_that_it_has() {
        let Some(Content::Text(html)) = plain("index.html") else { panic!("there is no page") };
        assert!(html.contains("player.js") && html.contains("player.css"));
        assert!(plain("player.js").is_some() && plain("player.css").is_some());
        assert!(plain("other.js").is_none());
        assert!(!html.contains("<script>") && !html.contains("style="), "the policy forbids it");
    }
}
