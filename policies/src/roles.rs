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
    /// What a game may fetch from the web.
    ReadEgress {
        owner: &'a str,
    },
    /// Nobody widens the own game's reach.
    ChangeEgress,
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
        | Action::ReadEgress { owner }
        | Action::ReadAudit { owner: Some(owner) } => Need::Reader(owner),
        Action::UploadModule { owner }
        | Action::ChangeModule { owner }
        | Action::StartMatch { owner }
        | Action::StopMatch { owner }
        | Action::AddPlayer { owner } => Need::Owner(owner),
        Action::ReadAudit { owner: None } | Action::ChangeEgress | Action::ManageTokens => {
            Need::SuperAdmin
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a cell of the table says.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Answer {
        Yes,
        Forbidden,
        Hidden,
    }
    use Answer::{Forbidden, Hidden, Yes};

    fn principal(subject: &str, role: Role) -> Principal {
        Principal { subject: subject.to_owned(), role, token: TokenId::from_random([0; 10]) }
    }

    fn answer(principal: &Principal, action: Action<'_>) -> Answer {
        match authorize(principal, action) {
            Ok(_) => Yes,
            Err(Denial::Forbidden { .. }) => Forbidden,
            Err(Denial::Hidden) => Hidden,
        }
    }

    #[test]
    fn every_role_gets_what_the_table_says() {
        const OWNER: &str = "anna";
        let owner = OWNER;
        let who = [
            principal("root", Role::SuperAdmin),
            principal(OWNER, Role::Developer),
            principal("bert", Role::Developer),
            principal(OWNER, Role::Viewer),
            principal("bert", Role::Viewer),
        ];
        // In the order above: super-admin, owner, other developer, owner's viewer, other viewer.
        let table = [
            (Action::CreateGame, [Yes, Yes, Yes, Forbidden, Forbidden]),
            (Action::ListGames, [Yes, Yes, Yes, Yes, Yes]),
            (Action::ReadGame { owner }, [Yes, Yes, Hidden, Yes, Hidden]),
            (Action::ReadMatch { owner }, [Yes, Yes, Hidden, Yes, Hidden]),
            (Action::ReadAudit { owner: Some(owner) }, [Yes, Yes, Hidden, Yes, Hidden]),
            (Action::UploadModule { owner }, [Yes, Yes, Forbidden, Forbidden, Forbidden]),
            (Action::ChangeModule { owner }, [Yes, Yes, Forbidden, Forbidden, Forbidden]),
            (Action::StartMatch { owner }, [Yes, Yes, Forbidden, Forbidden, Forbidden]),
            (Action::StopMatch { owner }, [Yes, Yes, Forbidden, Forbidden, Forbidden]),
            (Action::AddPlayer { owner }, [Yes, Yes, Forbidden, Forbidden, Forbidden]),
            (Action::ReadAudit { owner: None }, [Yes, Forbidden, Forbidden, Forbidden, Forbidden]),
            (Action::ReadEgress { owner }, [Yes, Yes, Hidden, Yes, Hidden]),
            (Action::ChangeEgress, [Yes, Forbidden, Forbidden, Forbidden, Forbidden]),
            (Action::ManageTokens, [Yes, Forbidden, Forbidden, Forbidden, Forbidden]),
        ];
        for (action, answers) in table {
            for (principal, expected) in who.iter().zip(answers) {
                let given = answer(principal, action);
                assert_eq!(given, expected, "{} {} {action:?}", principal.subject, principal.role);
            }
        }
    }

    #[test]
    fn an_owner_is_the_exact_subject() {
        let anna = principal("anna", Role::Developer);
        for owner in ["", "Anna", "anna ", "ann"] {
            assert_eq!(answer(&anna, Action::ReadGame { owner }), Hidden, "{owner:?}");
        }
    }

    #[test]
    fn a_list_covers_the_own_games_or_all() {
        let list = |principal: &Principal| authorize(principal, Action::ListGames).unwrap();
        assert_eq!(list(&principal("root", Role::SuperAdmin)).owner_filter(), None);
        assert_eq!(list(&principal("anna", Role::Viewer)).owner_filter(), Some("anna"));
    }

    #[test]
    fn a_role_reads_back_as_it_was_written() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.text());
        }
        for text in ["", "admin", "Developer", "super_admin", " viewer"] {
            assert_eq!(text.parse::<Role>(), Err(BadRole), "{text:?}");
        }
    }
}
