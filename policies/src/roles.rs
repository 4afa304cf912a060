//! Who may do what: one pure function from a principal and an action to a `Permit` or a `Denial`.
//! Never looks up a token or a game; the caller brings both.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::TokenId;

/// What a token's bearer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the platform: everything.
    SuperAdmin,
    /// Makes games, and does everything with the own ones.
    Developer,
    /// Reads the own games.
    Viewer,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::SuperAdmin, Role::Developer, Role::Viewer];

    /// The role as it stands in requests, answers and the store.
    pub const fn text(self) -> &'static str {
        match self {
            Role::SuperAdmin => "super-admin",
            Role::Developer => "developer",
            Role::Viewer => "viewer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a role: there are `super-admin`, `developer` and `viewer`")]
pub struct BadRole;

impl FromStr for Role {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        Role::ALL.into_iter().find(|role| role.text() == text).ok_or(BadRole)
    }
}

/// Who asks: the bearer of a token that the store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whom the token stands for; a game's owner is a subject, so that changing a token orphans
    /// nothing.
    pub subject: String,
    pub role: Role,
    pub token: TokenId,
}

/// What is asked. `owner` is the subject that owns the game in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    CreateGame,
    ListGames,
    ReadGame {
        owner: &'a str,
    },
    UploadModule {
        owner: &'a str,
    },
    /// Retires or restores a build.
    ChangeModule {
        owner: &'a str,
    },
    StartMatch {
        owner: &'a str,
    },
    StopMatch {
        owner: &'a str,
    },
    AddPlayer {
        owner: &'a str,
    },
    ReadMatch {
        owner: &'a str,
    },
    /// Of one game, or the platform's whole audit.
    ReadAudit {
        owner: Option<&'a str>,
    },
    ManageTokens,
}

/// Proof that the roles said yes. Only [`authorize`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    owner_filter: Option<String>,
}

impl Permit {
    /// Whose games the permit covers; `None` stands for everyone's.
    pub fn owner_filter(&self) -> Option<&str> {
        self.owner_filter.as_deref()
    }
}

/// Why the roles said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Denial {
    #[error("this needs {needs}")]
    Forbidden { needs: &'static str },
    /// Not even the thing's existence is the principal's to know.
    #[error("there is no such thing, or it is not yours to see")]
    Hidden,
}

/// Permits an action, or says what it would need.
pub fn authorize(principal: &Principal, action: Action<'_>) -> Result<Permit, Denial> {
    if principal.role == Role::SuperAdmin {
        return Ok(Permit { owner_filter: None });
    }
    let allowed = match need(action) {
        Need::Anyone => Ok(()),
        Need::Developer if principal.role == Role::Developer => Ok(()),
        Need::Developer => Err(Denial::Forbidden { needs: "the role developer" }),
        Need::Reader(owner) if principal.subject == owner => Ok(()),
        Need::Reader(_) => Err(Denial::Hidden),
        Need::Owner(owner) if principal.subject != owner => {
            Err(Denial::Forbidden { needs: "the game's owner, or the role super-admin" })
        }
        Need::Owner(_) if principal.role == Role::Developer => Ok(()),
        Need::Owner(_) => Err(Denial::Forbidden { needs: "the role developer" }),
        Need::SuperAdmin => Err(Denial::Forbidden { needs: "the role super-admin" }),
    };
    allowed.map(|()| Permit { owner_filter: Some(principal.subject.clone()) })
}

/// The least that an action asks of a principal who is no super-admin.
enum Need<'a> {
    Anyone,
    Developer,
    /// Any role of the game's owner.
    Reader(&'a str),
    /// A developer who owns the game.
    Owner(&'a str),
    SuperAdmin,
}

fn need(action: Action<'_>) -> Need<'_> {
    match action {
        Action::ListGames => Need::Anyone,
        Action::CreateGame => Need::Developer,
        Action::ReadGame { owner }
        | Action::ReadMatch { owner }
        | Action::ReadAudit { owner: Some(owner) } => Need::Reader(owner),
        Action::UploadModule { owner }
        | Action::ChangeModule { owner }
        | Action::StartMatch { owner }
        | Action::StopMatch { owner }
        | Action::AddPlayer { owner } => Need::Owner(owner),
        Action::ReadAudit { owner: None } | Action::ManageTokens => Need::SuperAdmin,
    }
}
