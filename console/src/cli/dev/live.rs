//! A match as it runs: its log as it comes, and its figures every second.
//! Never starts or stops it.

use std::time::Duration;

use lattice_policies::Policy;
use serde_json::Value;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::cli::{
    CliError,
    client::Client,
    logs::{Tail, log_line},
    terminal::{StatusLine, Tone, line, paint, printable, string},
};

/// Without a terminal, figures are a line of the output, and so not every second.
const ROUNDS_A_LINE: u64 = 10;

/// How a match ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    AsItShould,
    /// By that kind of fault.
    Faulted(String),
}

/// What is shown of one match.
pub(super) struct Live {
    client: Client,
    id: String,
    tail: Option<Tail>,
    every_second: Interval,
    rounds: u64,
    status: StatusLine,
}

impl Live {
    pub(super) async fn of(client: &Client, id: &str) -> Result<Self, CliError> {
        let tail = Some(Tail::of(client, id).await?);
        let mut every_second = interval(Duration::from_secs(1));
        every_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (client, id, status) = (client.clone(), id.to_owned(), StatusLine::default());
        Ok(Self { client, id, tail, every_second, rounds: 0, status })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn has_ended(&self) -> bool {
        self.tail.is_none()
    }

    /// Shows the match until it ends, and then how it ended. Whoever stops waiting may ask again;
    /// a match that has ended already is waited for, for ever.
    pub(super) async fn run(&mut self) -> Result<Ended, CliError> {
        let Some(tail) = &mut self.tail else { return std::future::pending().await };
        loop {
            tokio::select! {
                told = tail.next() => match told? {
                    Some(told) => {
                        self.status.clear();
                        line(&log_line(&told))?;
                    }
                    None => break,
                },
                _ = self.every_second.tick() => {
                    let found = one(&self.client, &self.id).await?;
                    show_figures(&found, self.rounds, &mut self.status)?;
                    self.rounds += 1;
                }
            }
        }
        self.tail = None;
        self.status.clear();
        show_end(&one(&self.client, &self.id).await?)
    }
}

async fn one(client: &Client, id: &str) -> Result<Value, CliError> {
    Ok(client.get(&format!("/matches/{id}")).await?.success()?.json()?)
}

fn show_figures(found: &Value, round: u64, status: &mut StatusLine) -> Result<(), CliError> {
    let Some(text) = figures(found) else { return Ok(()) };
    if StatusLine::is_seen() {
        status.show(&text);
        return Ok(());
    }
    if round.is_multiple_of(ROUNDS_A_LINE) { line(&text) } else { Ok(()) }
}

/// The figures of a match that runs, in one line.
fn figures(found: &Value) -> Option<String> {
    let number = |member: &str| found[member].as_u64().unwrap_or(0);
    found["FuelLast"].as_u64().map(|fuel| {
        let budget = Policy::default().matches.tick_fuel;
        let percent = number("FuelMost") as f64 * 100.0 / budget as f64;
        format!(
            "tick {}  players {}  fuel {} last, {} most ({percent:.1} % of the budget)  {} us a tick  late {}",
            number("Tick"),
            number("Players"),
            thousands(fuel),
            thousands(number("FuelMost")),
            number("TickMicrosecondsAverage"),
            number("LateTicks"),
        )
    })
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

fn show_end(found: &Value) -> Result<Ended, CliError> {
    let [state, tick] = ["State", "Tick"].map(|member| string(found, member));
    let fault = &found["Fault"];
    if fault.is_null() {
        line(&format!("the match has ended after {tick} ticks: {state}"))?;
        return Ok(Ended::AsItShould);
    }
    let [kind, at, detail] = ["Kind", "Tick", "Detail"].map(|member| string(fault, member));
    line(&format!("{} {kind} in tick {at}: {detail}", paint(Tone::Bad, &state)))?;
    let frames = fault["Frames"].as_array().into_iter().flatten();
    let mut frames =
        frames.map(|frame| frame.as_str().map_or_else(|| frame.to_string(), printable));
    frames.try_for_each(|frame| line(&format!("    in {frame}")))?;
    Ok(Ended::Faulted(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_are_shown_of_a_match_that_runs_and_of_no_other() {
        let found = json!({
            "Tick": 90, "Players": 2, "FuelLast": 1_234_567, "FuelMost": 5_000_000,
            "TickMicrosecondsAverage": 480, "LateTicks": 0,
        });
        let expected = "tick 90  players 2  fuel 1,234,567 last, 5,000,000 most \
            (10.0 % of the budget)  480 us a tick  late 0";
        assert_eq!(figures(&found).as_deref(), Some(expected));
        assert_eq!(figures(&json!({"Tick": 90, "State": "stopped"})), None);
    }

    #[test]
    fn digits_stand_in_groups_of_three() {
        assert_eq!([0, 999, 1_000, 50_000_000].map(thousands), ["0", "999", "1,000", "50,000,000"]);
    }
}
