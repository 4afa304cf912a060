//! `lattice upload`: sends a module to a game and shows the verdict.
//! Never looks into the module; `lattice scan` does that offline.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use clap::Args;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use lattice_policies::{GameId, admission::Packaging};
use serde_json::Value;

use super::{
    CliError,
    client::{Answer, Body, Client, Remote, segment},
    terminal::{self, StatusLine, bytes},
    verdict::{is_admitted, verdict},
};
use crate::packaging::content_type;

/// Upload a module to a game: it is scanned, and stored if it is admitted.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code: 0 admitted, 1 refused or failed, 2 if the file cannot be read.

Examples:
  lattice upload game_sim.wasm --game g_0123456789abcdef --version 1.0.0
  lattice upload game_sim.so --game g_0123456789abcdef --version 1.0.0      # native, told by its bytes
  LATTICE_TOKEN=lat_... lattice upload game_sim.wasm --game g_0123456789abcdef --version 1.1.0-rc.1

The same with curl:
  curl -T game_sim.wasm -H 'content-type: application/wasm' -H \"authorization: Bearer $LATTICE_TOKEN\" \\
       http://127.0.0.1:3004/games/g_0123456789abcdef/modules/1.0.0")]
pub(crate) struct Upload {
    /// The module: a core WebAssembly module in its binary form, or a native one
    file: PathBuf,
    /// The game's id
    #[arg(long)]
    game: GameId,
    /// The build's version: semver without build metadata; each version is given once
    #[arg(long)]
    version: String,
    /// Print the answer as it came
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) async fn run(args: &Upload) -> Result<(), CliError> {
    let client = Client::new(&args.remote)?;
    let answer = upload(&client, &args.game, &args.version, &args.file).await?;
    let judged = answer.json()?;
    let text =
        if args.json { answer.raw() + "\n" } else { verdict(&judged) + &next(args, &judged) };
    terminal::print(&text)?;
    if is_admitted(&judged) { Ok(()) } else { Err(CliError::Refused) }
}

/// What must be done before matches start from the build.
fn next(args: &Upload, judged: &Value) -> String {
    if judged["Awaits"] != "native-transcript" {
        return String::new();
    }
    let Upload { file, game, version, .. } = args;
    let file = file.display();
    format!(
        "not schedulable yet: the game demands a native transcript of this build\n  \
         lattice verify --wasm {file} --native PROGRAM --record native.log\n  \
         lattice game transcript native.log --game {game} --version {version}\n"
    )
}

/// Sends the file as the game's build of that version. The answer is a verdict: a refused module
/// is an answer with reasons, a refused request is an error.
pub(crate) async fn upload(
    client: &Client,
    game: &GameId,
    version: &str,
    file: &Path,
) -> Result<Answer, CliError> {
    let path = format!("/games/{game}/modules/{}", segment(version));
    let content = content_type(packaging(file).map_err(CliError::unreadable(file))?);
    let answer = client.put_bytes(&path, content, file_body(file)?).await?;
    let is_verdict = answer.json().is_ok_and(|json| json["Admitted"].is_boolean());
    if is_verdict { Ok(answer) } else { Ok(answer.success()?) }
}

/// What the file is, by its first bytes.
fn packaging(file: &Path) -> io::Result<Packaging> {
    const MAGIC_BYTES: u64 = 4;
    let mut magic = Vec::new();
    File::open(file)?.take(MAGIC_BYTES).read_to_end(&mut magic)?;
    Ok(Packaging::of(&magic))
}

/// A file as a body, which is read as it is sent.
pub(crate) fn file_body(file: &Path) -> Result<Body, CliError> {
    FileBody::open(file).map_err(CliError::unreadable(file))
}

/// A file on its way: read piece by piece, so that it never lies in memory as a whole.
struct FileBody {
    file: File,
    sent: u64,
    size: u64,
    status: StatusLine,
}

impl FileBody {
    const PIECE_BYTES: usize = 64 << 10;

    fn open(path: &Path) -> io::Result<Body> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let size = about.len();
        Ok(Self { file, sent: 0, size, status: StatusLine::default() }.boxed())
    }

    /// The next piece; empty at the end of what the file held when it was opened.
    fn piece(&mut self) -> io::Result<Bytes> {
        let mut piece = Vec::new();
        let most = (self.size - self.sent).min(Self::PIECE_BYTES as u64);
        (&self.file).take(most).read_to_end(&mut piece)?;
        if piece.len() as u64 != most {
            return Err(io::Error::other("the file became shorter while it was sent"));
        }
        self.sent += most;
        Ok(piece.into())
    }

    fn show(&mut self) {
        if self.sent == self.size {
            return self.status.clear();
        }
        let percent = self.sent * 100 / self.size;
        self.status.show(&format!(
            "sent {} of {}, {percent} %",
            bytes(self.sent),
            bytes(self.size)
        ));
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let body = self.get_mut();
        if body.is_end_stream() {
            return Poll::Ready(None);
        }
        let piece = body.piece();
        body.show();
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.sent == self.size
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size - self.sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_sent_whole_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("game_sim.wasm");
        let content: Vec<u8> = (0..200_000u32).map(|at| (at % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let body = FileBody::open(&path).unwrap();
        assert_eq!(body.size_hint().exact(), Some(200_000));
        assert_eq!(body.collect().await.unwrap().to_bytes(), content);
    }

    #[tokio::test]
    async fn a_file_that_shrinks_on_the_way_is_an_error_and_not_a_shorter_upload() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("game_sim.wasm");
        std::fs::write(&path, vec![7; 200_000]).unwrap();
        let body = FileBody::open(&path).unwrap();
        std::fs::write(&path, vec![7; 1_000]).unwrap();
        assert!(body.collect().await.is_err());
    }
}
