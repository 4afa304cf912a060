//! Refused requests of one game, counted, with some records a minute, so that no flood of them can
//! fill the audit.

use std::time::{Duration, Instant};

use lattice_policies::{Code, GameId, MatchId, egress::Refusal};
use lattice_surface::Refused;

use super::FetchRecord;

/// Kinds of refusals that are told apart between two flushes; the rest are counted by code.
const DISTINCT: usize = 16;

/// Records of one game in a minute; what comes on top is counted on until the next.
const RECORDS_A_MINUTE: usize = 2 * DISTINCT;
const MINUTE: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(super) struct Refusals {
    counts: Vec<Count>,
    /// When the running minute began, and its records.
    minute: Option<(Instant, usize)>,
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

    /// The records of what was counted, in the order in which it began, as far as the minute has
    /// room for them; at the end of the host it has.
    pub(super) fn take(&mut self, game: &GameId, is_end: bool) -> Vec<FetchRecord> {
        let now = Instant::now();
        let running = self.minute.filter(|(began, _)| now.duration_since(*began) < MINUTE);
        let (began, records) = running.unwrap_or((now, 0));
        let records = records + self.counts.len();
        if records > RECORDS_A_MINUTE && !is_end {
            return Vec::new();
        }
        self.minute = Some((began, records));
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

#[cfg(test)]
mod tests {
    use lattice_policies::egress::{HeaderLines, Method, Request, Rules, decide};

    use super::*;

    fn refused(host: usize) -> Refused {
        let rules = Rules::deny_all();
        let url = format!("https://h{host}.test/");
        let (url, headers) = (url.as_bytes(), HeaderLines::Block(b""));
        let request = Request { method: Method::Get, url, headers, body: b"" };
        let refusal = decide(&rules, &request).unwrap_err();
        Refused { code: refusal.code(), refusal: Some(refusal), count: 1 }
    }

    #[test]
    fn a_flood_has_some_records_a_minute_and_none_of_it_is_uncounted() {
        let (game, id) = (GameId::from_random([1; 10]), MatchId::from_random([2; 10]));
        let mut refusals = Refusals::default();
        let mut records = Vec::new();
        for flush in 0..50 {
            (0..100).for_each(|host| refusals.add(&id, flush, refused(host)));
            records.extend(refusals.take(&game, false));
        }
        assert!((DISTINCT..=RECORDS_A_MINUTE).contains(&records.len()), "{}", records.len());
        records.extend(refusals.take(&game, true));
        let counted = records.iter().map(|record| match record {
            FetchRecord::Refused { count, .. } => *count,
            record @ FetchRecord::Fetch { .. } => panic!("{record:?}"),
        });
        assert_eq!(counted.sum::<u64>(), 5_000);
        assert!(refusals.take(&game, true).is_empty());
    }
}
