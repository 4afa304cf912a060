//! A stretch of a list: where it starts, and how long it is at most.

/// Which stretch of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The last item of the page before: a game's or a match's id, a build's version, an audit
    /// row's number. `None` starts at the beginning.
    pub after: Option<String>,
    /// Items at most; more than [`Page::MOST`] are never given.
    pub limit: u32,
}

impl Page {
    /// What a page holds at most.
    pub const MOST: u32 = 200;

    /// The first `limit` items.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// The limit that holds.
    pub(crate) fn bounded(&self) -> u32 {
        self.limit.min(Self::MOST)
    }
}
