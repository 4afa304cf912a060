//! Refused requests of one game, counted between two flushes, so that no flood of them can fill
//! the audit.

use std::time::{Duration, Instant};

use lattice_policies::{Code, GameId, MatchId, egress::Refusal};
use lattice_surface::Refused;

use super::FetchRecord;

/// Kinds of refusals that are told apart between two flushes; the rest are counted by code.
const DISTINCT: usize = 16;

/// Between two flushes of a game that is refused again and again: so it has some rows a minute.
const PAUSE: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(super) struct Refusals {
    counts: Vec<Count>,
    /// When the next flush may be.
    resume: Option<Instant>,
}

/// Equal refusals of one match, or the rest of one code.
struct Count {
    match_id: Option<MatchId>,
    code: Code,
    refusal: Option<Refusal>,
    first_tick: i64,
    last_tick: i64,
    times: u64,
}

impl Refusals {
    pub(super) fn add(&mut self, match_id: &MatchId, tick: i64, refused: Refused) {
        let Refused { code, refusal, count: times } = refused;
        if let Some(same) = self.find(Some(match_id), code, refusal.as_ref()) {
            return same.add(tick, times);
        }
        let is_new = self.counts.len() < DISTINCT;
        let match_id = is_new.then(|| match_id.clone());
        let refusal = refusal.filter(|_| is_new);
        if let Some(rest) = self.find(match_id.as_ref(), code, refusal.as_ref()) {
            return rest.add(tick, times);
        }
        let (first_tick, last_tick) = (tick, tick);
        self.counts.push(Count { match_id, code, refusal, first_tick, last_tick, times });
    }

    /// The records of what was counted, in the order in which it began, once the pause after the
    /// last ones is over; at the end of the host it is.
    pub(super) fn take(&mut self, game: &GameId, is_end: bool) -> Vec<FetchRecord> {
        let now = Instant::now();
        let is_paused = self.resume.is_some_and(|resume| now < resume) && !is_end;
        if is_paused || self.counts.is_empty() {
            return Vec::new();
        }
        self.resume = Some(now + PAUSE);
        self.counts.drain(..).map(|count| count.record(game)).collect()
    }

    fn find(
        &mut self,
        match_id: Option<&MatchId>,
        code: Code,
        refusal: Option<&Refusal>,
    ) -> Option<&mut Count> {
        let same = |count: &&mut Count| {
            count.code == code
                && count.match_id.as_ref() == match_id
                && count.refusal.as_ref() == refusal
        };
        self.counts.iter_mut().find(same)
    }
}

impl Count {
    fn add(&mut self, tick: i64, times: u64) {
        self.first_tick = self.first_tick.min(tick);
        self.last_tick = self.last_tick.max(tick);
        self.times += times;
    }

    fn record(self, game: &GameId) -> FetchRecord {
        FetchRecord::Refused {
            game: game.clone(),
            reason: self.reason(),
            match_id: self.match_id,
            first_tick: self.first_tick,
            last_tick: self.last_tick,
            code: self.code,
            count: self.times,
        }
    }

    fn reason(&self) -> String {
        match (&self.refusal, self.code) {
            (Some(refusal), _) => refusal.to_string(),
            (None, Code::HttpTooMany) => "the match has too many requests in flight".to_owned(),
            (None, Code::HttpRateLimited) => {
                "the game's queue of fetches was full, or the host too busy for too long".to_owned()
            }
            (None, _) => format!("beside {DISTINCT} other kinds of refusals"),
        }
    }
}
