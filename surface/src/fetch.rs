//! Web fetches: what `lattice_ms_http_request` answers at once, by the rules of the moment, and
//! what leaves when the tick has ended. Never sends anything itself.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

use lattice_policies::{
    Code,
    egress::{BODY_BYTES, EgressPermit, HEADER_BLOCK_BYTES, HeaderLines, Method, Refusal},
    egress::{Request, Rules, URL_BYTES, decide},
};

use crate::{
    GuestMemory,
    codec::{Reader, put_list},
};

/// Refusals that one call into the guest tells apart; more are counted by their code alone.
const DISTINCT_REFUSALS: usize = 16;

/// A request as the guest words it: `(ptr, len)` of URL, header lines and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchCall {
    pub method: u32,
    pub url: (u32, u32),
    pub headers: (u32, u32),
    pub body: (u32, u32),
}

impl FetchCall {
    /// Bytes that are looked at: what is longer than its limit is refused by its length.
    pub(crate) fn bytes(&self) -> u32 {
        let counted = |part: (u32, u32), most: usize| part.1.min(most as u32);
        counted(self.url, URL_BYTES)
            + counted(self.headers, HEADER_BLOCK_BYTES)
            + counted(self.body, BODY_BYTES)
    }
}

/// A game's egress rules as they are now. Whoever holds it sees a change at the next look.
pub struct SharedRules(RwLock<Arc<Rules>>);

impl SharedRules {
    pub fn new(rules: Rules) -> Self {
        Self(RwLock::new(Arc::new(rules)))
    }

    pub fn get(&self) -> Arc<Rules> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn set(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}

/// No rules are rules that deny everything.
impl Default for SharedRules {
    fn default() -> Self {
        Self::new(Rules::deny_all())
    }
}

/// A request that was accepted, under the number that the sim knows it by.
#[derive(Debug)]
pub struct Fetch {
    pub id: u32,
    pub permit: EgressPermit,
}

/// Requests that were refused at once for the same reason in one call into the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub code: Code,
    /// What the rules had against it; `None` for a count that was over, and for refusals that
    /// were too many to tell apart.
    pub refusal: Option<Refusal>,
    pub count: u64,
}

/// The fetches of one match.
pub(crate) struct Fetches {
    rules: Arc<SharedRules>,
    /// Requests accepted so far in calls that ended well; ids follow from it.
    accepted: u64,
    /// Of these, the ids that have no response yet, in the order of the calls.
    unanswered: Vec<u32>,
    /// How many of them the running call has added.
    staged: usize,
    queued: Vec<Fetch>,
    refused: Vec<Refused>,
    /// What the running call was answered, in order: inputs, since rules may change.
    codes: Vec<i32>,
    /// In a replay, what it was answered then.
    logged: Option<VecDeque<i32>>,
}

/// A request as it lies in the sim's memory.
struct Asked<'a> {
    method: u32,
    url: &'a [u8],
    headers: HeaderLines<'a>,
    body: &'a [u8],
}

/// What a request is answered where a replay's log has no answer left: the replay has gone astray.
const ASTRAY: i32 = Code::HttpFailed.value();

impl Fetches {
    pub(crate) fn new(rules: Arc<SharedRules>) -> Self {
        Self {
            rules,
            accepted: 0,
            unanswered: Vec::new(),
            staged: 0,
            queued: Vec::new(),
            refused: Vec::new(),
            codes: Vec::new(),
            logged: None,
        }
    }

    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.accepted.to_le_bytes());
        put_list(out, self.unanswered.iter(), |out, id| out.extend_from_slice(&id.to_le_bytes()));
    }

    /// Reads fetches as [`save`](Self::save) writes them. None of them leaves again.
    pub(crate) fn restore(
        rules: Arc<SharedRules>,
        from: &mut Reader<'_>,
    ) -> Result<Self, &'static str> {
        let accepted = from.count()?;
        let unanswered = from.list(|from| from.array().map(u32::from_le_bytes))?;
        Ok(Self { accepted, unanswered, ..Self::new(rules) })
    }

    /// The ids that have no response yet, in the order of the calls.
    pub(crate) fn unanswered(&self) -> &[u32] {
        &self.unanswered
    }

    /// The response to a request is there.
    pub(crate) fn answer(&mut self, id: u32) {
        self.unanswered.retain(|unanswered| *unanswered != id);
    }

    /// Answers the coming call as it was answered then. Nothing leaves from now on.
    pub(crate) fn replay(&mut self, codes: &[i32]) {
        self.logged = Some(codes.iter().copied().collect());
    }

    pub(crate) fn begin(&mut self) {
        self.codes.clear();
        self.staged = 0;
    }

    /// What the call was answered, in order.
    pub(crate) fn codes(&self) -> &[i32] {
        &self.codes
    }

    /// Decides on a request and queues it. `answered` counts the responses that the sim has
    /// pulled; what it has asked for beside them is in flight, `most` at once.
    pub(crate) fn request(
        &mut self,
        call: &FetchCall,
        memory: &GuestMemory<'_>,
        answered: u64,
        most: u32,
    ) -> Result<i32, Code> {
        let url = memory.read(call.url.0, call.url.1)?;
        let headers = HeaderLines::Block(memory.read(call.headers.0, call.headers.1)?);
        let body = memory.read(call.body.0, call.body.1)?;
        let code = if let Some(logged) = &mut self.logged {
            logged.pop_front().unwrap_or(ASTRAY)
        } else {
            let asked = Asked { method: call.method, url, headers, body };
            self.decide(&asked, answered, most).unwrap_or_else(Code::value)
        };
        self.codes.push(code);
        if code > 0 {
            self.accept(code as u32);
        }
        Ok(code)
    }

    fn decide(&mut self, asked: &Asked<'_>, answered: u64, most: u32) -> Result<i32, Code> {
        let Asked { url, headers, body, .. } = *asked;
        let decided = match Method::numbered(asked.method) {
            Some(method) => decide(&self.rules.get(), &Request { method, url, headers, body }),
            None => Err(Refusal::unknown_method()),
        };
        match decided {
            Err(refusal) => Err(self.refuse(refusal.code(), Some(refusal))),
            Ok(_) if self.in_flight(answered) >= u64::from(most) => {
                Err(self.refuse(Code::HttpTooMany, None))
            }
            Ok(permit) => Ok(self.queue(permit)),
        }
    }

    fn in_flight(&self, answered: u64) -> u64 {
        self.accepted.saturating_sub(answered)
    }

    fn queue(&mut self, permit: EgressPermit) -> i32 {
        let id = (self.accepted % i32::MAX as u64) as u32 + 1;
        self.queued.push(Fetch { id, permit });
        id as i32
    }

    /// Counts a request, in a replay too: what is kept from tick to tick is the same there.
    fn accept(&mut self, id: u32) {
        self.accepted += 1;
        self.unanswered.push(id);
        self.staged += 1;
    }

    fn refuse(&mut self, code: Code, refusal: Option<Refusal>) -> Code {
        let is_full = self.refused.len() >= DISTINCT_REFUSALS;
        let same = |refused: &&mut Refused| refused.code == code && refused.refusal == refusal;
        if let Some(refused) = self.refused.iter_mut().find(same) {
            refused.count += 1;
        } else if is_full {
            self.count_apart(code);
        } else {
            self.refused.push(Refused { code, refusal, count: 1 });
        }
        code
    }

    /// Counts a refusal that is not told apart; there is one such count a code.
    fn count_apart(&mut self, code: Code) {
        let apart = |refused: &&mut Refused| refused.code == code && refused.refusal.is_none();
        match self.refused.iter_mut().find(apart) {
            Some(refused) => refused.count += 1,
            None => self.refused.push(Refused { code, refusal: None, count: 1 }),
        }
    }

    /// The fetches that leave now, in the order of the calls.
    pub(crate) fn take(&mut self) -> Vec<Fetch> {
        std::mem::take(&mut self.queued)
    }

    pub(crate) fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    /// Forgets what a faulted call asked for; what was refused stays for the operator.
    pub(crate) fn discard(&mut self) {
        let staged = std::mem::take(&mut self.staged);
        self.accepted -= staged as u64;
        self.unanswered.truncate(self.unanswered.len().saturating_sub(staged));
        self.queued.clear();
    }
}
