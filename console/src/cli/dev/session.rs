//! One developer's dealings with the console of `lattice dev`, all through its API: a game, then
//! for each build an upload, a match and its players.
//! Never shows how a match goes on; `live` does.

use std::{fs, time::Instant};

use lattice_policies::GameId;
use serde_json::{Map, Value, json};

use super::{Dev, build::Source, live::Live};
use crate::cli::{
    CliError,
    build::compile,
    client::Client,
    shell::pasted,
    terminal::{Tone, bytes, line, paint, print, string},
    upload::upload,
    verdict::{is_admitted, verdict},
};

/// The game, and what each of its matches is started with.
pub(super) struct Session {
    client: Client,
    game: GameId,
    wish: Map<String, Value>,
    players: u32,
    builds: u32,
}

impl Session {
    pub(super) async fn open(
        client: Client,
        args: &Dev,
        source: &Source,
    ) -> Result<Self, CliError> {
        let name = source.file().file_stem().unwrap_or_default().to_string_lossy();
        let game = client.post("/games", &json!({ "Name": name })).await?.success()?.json()?;
        let mut wish = Map::new();
        wish.insert("Seed".into(), args.seed.to_string().into());
        if let Some(tick_hz) = args.tick_hz {
            wish.insert("TickHz".into(), tick_hz.into());
        }
        let game = string(&game, "Id").parse().map_err(CliError::failed)?;
        Ok(Self { client, game, wish, players: args.players, builds: 0 })
    }

    pub(super) fn game(&self) -> &GameId {
        &self.game
    }

    /// Builds the sim and starts a match of it, with players whose links are shown.
    pub(super) async fn next_match(&mut self, source: &Source) -> Result<Live, CliError> {
        build(source).await?;
        let version = self.upload(source).await?;
        let mut wish = self.wish.clone();
        wish.insert("Version".into(), version.into());
        let path = format!("/games/{}/matches", self.game);
        let started = self.client.post(&path, &wish.into()).await?.success()?.json()?;
        let [id, hz, seed] = ["Id", "TickHz", "Seed"].map(|member| string(&started, member));
        line(&format!("match {id}, {hz} ticks a second, seed {seed}"))?;
        for number in 1..=self.players {
            self.invite(&id, number).await?;
        }
        Live::of(&self.client, &id).await
    }

    /// Stops a match that another one has taken the place of.
    pub(super) async fn stop(&self, old: Live) -> Result<(), CliError> {
        self.client.delete(&format!("/matches/{}", old.id())).await?.success()?;
        Ok(())
    }

    /// Uploads the module as the next version, if it is admitted.
    async fn upload(&mut self, source: &Source) -> Result<String, CliError> {
        self.builds += 1;
        let version = format!("0.0.{}", self.builds);
        let answer = upload(&self.client, &self.game, &version, source.module()).await?;
        let judged = answer.json()?;
        if !is_admitted(&judged) {
            print(&verdict(&judged))?;
            return Err(CliError::Refused);
        }
        let admitted = paint(Tone::Good, "admitted");
        line(&format!("{admitted}, sha256 {}", string(&judged, "Sha256")))?;
        Ok(version)
    }

    async fn invite(&self, id: &str, number: u32) -> Result<(), CliError> {
        let path = format!("/matches/{id}/players");
        let wish = json!({ "Name": format!("Player {number}") });
        let player = self.client.post(&path, &wish).await?.success()?.json()?;
        line(&format!("open {}", paint(Tone::Strong, &string(&player, "Url"))))
    }
}

/// Makes the module, and shows by which command.
async fn build(source: &Source) -> Result<(), CliError> {
    let aside = source.clone();
    let words = tokio::task::spawn_blocking(move || aside.words()).await;
    let Some(words) = words.map_err(CliError::failed)?? else { return Ok(()) };
    line(&paint(Tone::Quiet, &format!("$ {}", pasted("clang", &words))))?;
    let began = Instant::now();
    let built = tokio::task::spawn_blocking(move || compile("clang", &words)).await;
    built.map_err(CliError::failed)??;
    let module = source.module();
    let size = fs::metadata(module).map_err(CliError::unreadable(module))?.len();
    let seconds = began.elapsed().as_secs_f64();
    line(&format!("built in {seconds:.1} s: {}", bytes(size)))
}
