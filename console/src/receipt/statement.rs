//! What a receipt says: an in-toto statement, version 1, about a build, a match or the audit, with
//! every field typed. docs/receipts.md tells the same to who reads one. Never signs.
//!
//! Hashes are SHA-256; a member that may have no value is there all the same, as null.

use lattice_policies::{
    GameId, MatchId, Sha256, admission::Packaging, functions, isolation::Isolation,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::canonical;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const BUILD: &str = "urn:lattice:receipt:build:v2";
const MATCH: &str = "urn:lattice:receipt:match:v2";
/// Before there was another packaging than wasm, and so no word of it.
const BUILD_V1: &str = "urn:lattice:receipt:build:v1";
const MATCH_V1: &str = "urn:lattice:receipt:match:v1";
const AUDIT_HEAD: &str = "urn:lattice:receipt:audit-head:v1";

/// What is said of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) subject: Subject,
    pub(crate) predicate: Predicate,
}

/// What it is said of: a build by its module's hash, a match by its transcript's, the audit by its
/// last row's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// `g_.../1.0.0`, `m_...` or `audit/` and the row's number.
    pub(crate) name: String,
    pub(crate) sha256: Sha256,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Predicate {
    Build(BuildPredicate),
    Match(Box<MatchPredicate>),
    AuditHead(AuditHeadPredicate),
}

/// That a module was admitted, and what that rested on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BuildPredicate {
    pub(crate) game: GameId,
    pub(crate) version: String,
    /// `None` in version 1, whose builds are wasm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) packaging: Option<Packaging>,
    /// Of the module, in bytes.
    pub(crate) size: u64,
    pub(crate) verdict: Verdict,
    /// The host functions that it imports, in order of appearance.
    pub(crate) imports: Vec<Import>,
    /// The WebAssembly features that a module may use; none for a native one.
    pub(crate) features: Vec<String>,
    /// The fingerprint of the policy that admitted it.
    pub(crate) policy: Sha256,
    /// The version of the scanner that admitted it.
    pub(crate) scanner: u32,
    /// RFC 3339.
    pub(crate) created_at: String,
    /// The row that tells of the upload.
    pub(crate) audit: AuditPlace,
}

/// A module that is refused gets no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Admitted,
}

/// A host function, with its type as `(i32, i32) -> i32`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) signature: String,
}

impl Import {
    /// The host function of that name, as the surface's table has it.
    pub(crate) fn of(name: &str) -> Self {
        let known = functions::find(name).map(|function| function.signature.to_string());
        Self { name: name.to_owned(), signature: known.unwrap_or_default() }
    }
}

/// What a match was, and what came of it. The hash of its transcript is the subject's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MatchPredicate {
    pub(crate) game: GameId,
    /// What it was started with.
    pub(crate) version: String,
    /// The module of that version, as it was uploaded.
    pub(crate) module: Sha256,
    /// `None` in version 1, whose matches are wasm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) packaging: Option<Packaging>,
    /// What stood around its process at the end, if it is native; not in version 1.
    pub(crate) isolation: Option<Isolation>,
    /// What was compiled in the end: the module that ran last, with names for its globals.
    pub(crate) runs: Sha256,
    /// The fingerprint of the engine and the policy that ran it last.
    pub(crate) engine: Sha256,
    pub(crate) tick_hz: u16,
    /// Decimal: no number of JSON holds 64 bits everywhere.
    pub(crate) seed: String,
    /// Of the config blob.
    pub(crate) config: Sha256,
    /// The match that it was forked from.
    pub(crate) forked_from: Option<ForkPoint>,
    /// Where it went on under another module or engine, in order.
    pub(crate) segments: Vec<SegmentStart>,
    /// `None` where the policy kept none.
    pub(crate) input_log: Option<InputLogDigest>,
    /// Ticks that were run and count.
    pub(crate) ticks: i64,
    pub(crate) ending: Ending,
    /// The last state's hash, of a module whose state can be told.
    pub(crate) state: Option<Sha256>,
    /// Of the result blob, if the sim set one.
    pub(crate) result: Option<Sha256>,
    /// The row that tells of the end.
    pub(crate) audit: AuditPlace,
}

/// A moment of another match: its state before that tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForkPoint {
    #[serde(rename = "match")]
    pub(crate) of: MatchId,
    pub(crate) tick: i64,
}

/// A stretch of a match that began with a stored state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SegmentStart {
    /// The tick that ran first.
    pub(crate) tick: i64,
    pub(crate) version: String,
    pub(crate) module: Sha256,
    /// `fork`, `upgrade` or `engine`.
    pub(crate) why: String,
}

/// The input log, as `lattice match inputs` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputLogDigest {
    pub(crate) sha256: Sha256,
    pub(crate) bytes: u64,
    /// Whether it holds the whole match; else it was cut.
    pub(crate) whole: bool,
}

/// How a match ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ending {
    /// `finished`, `stopped` or `faulted`.
    pub(crate) state: String,
    /// The fault's kind, where it faulted.
    pub(crate) fault: Option<String>,
}

/// That the audit's chain ended with this row; the row's hash is the subject's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditHeadPredicate {
    /// The row's number, and so how many rows there were.
    pub(crate) seq: i64,
}

/// A row of the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditPlace {
    pub(crate) seq: i64,
    pub(crate) hash: Sha256,
}

/// A statement as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    #[serde(rename = "_type")]
    kind: String,
    subject: [WrittenSubject; 1],
    predicate_type: String,
    predicate: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSubject {
    name: String,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Digest {
    sha256: Sha256,
}

impl Statement {
    /// The statement's one text.
    pub(crate) fn text(&self) -> String {
        let (predicate_type, predicate) = self.predicate.written();
        let Subject { name, sha256 } = self.subject.clone();
        canonical::text(&Written {
            kind: STATEMENT.to_owned(),
            subject: [WrittenSubject { name, digest: Digest { sha256 } }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        })
    }

    /// Reads a statement; `None` for bytes that are not the text of one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let [WrittenSubject { name, digest }] = written.subject;
        let predicate = written.predicate;
        let predicate = match written.predicate_type.as_str() {
            BUILD | BUILD_V1 => Predicate::Build(typed(predicate)?),
            MATCH | MATCH_V1 => Predicate::Match(typed(predicate)?),
            AUDIT_HEAD => Predicate::AuditHead(typed(predicate)?),
            _ => return None,
        };
        let subject = Subject { name, sha256: digest.sha256 };
        let statement = Self { subject, predicate };
        (statement.text().as_bytes() == bytes).then_some(statement)
    }
}

impl Predicate {
    /// Its type and its members, of the version that it is of.
    fn written(&self) -> (&'static str, Value) {
        match self {
            Self::Build(build) if build.packaging.is_none() => (BUILD_V1, json!(build)),
            Self::Build(build) => (BUILD, json!(build)),
            Self::Match(played) if played.packaging.is_none() => {
                let mut members = json!(played);
                members.as_object_mut().map(|members| members.remove("isolation"));
                (MATCH_V1, members)
            }
            Self::Match(played) => (MATCH, json!(played)),
            Self::AuditHead(head) => (AUDIT_HEAD, json!(head)),
        }
    }
}

fn typed<T: DeserializeOwned>(predicate: Value) -> Option<T> {
    serde_json::from_value(predicate).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use lattice_policies::isolation::Barrier;

    use super::*;

    pub(in crate::receipt) fn a_match() -> Statement {
        let of = |text: &str| Sha256::of(text.as_bytes());
        Statement {
            subject: Subject { name: "m_0123456789abcdef".into(), sha256: of("transcript") },
            predicate: Predicate::Match(Box::new(MatchPredicate {
                game: "g_0123456789abcdef".parse().unwrap(),
                version: "1.0.0".into(),
                module: of("module"),
                packaging: Some(Packaging::Native),
                isolation: Some(Barrier::ALWAYS.into_iter().collect()),
                runs: of("runs"),
                engine: of("engine"),
                tick_hz: 30,
                seed: u64::MAX.to_string(),
                config: of(""),
                forked_from: None,
                segments: vec![SegmentStart {
                    tick: 60,
                    version: "1.1.0".into(),
                    module: of("later"),
                    why: "upgrade".into(),
                }],
                input_log: Some(InputLogDigest { sha256: of("log"), bytes: 3, whole: true }),
                ticks: 600,
                ending: Ending { state: "faulted".into(), fault: Some("TRAP".into()) },
                state: None,
                result: Some(of("result")),
                audit: AuditPlace { seq: 7, hash: of("row") },
            })),
        }
    }

    pub(in crate::receipt) fn a_head() -> Statement {
        Statement {
            subject: Subject { name: "audit/7".into(), sha256: Sha256::of(b"row") },
            predicate: Predicate::AuditHead(AuditHeadPredicate { seq: 7 }),
        }
    }

    #[test]
    fn a_statement_has_one_text_and_reads_back_from_it() {
        for statement in [a_match(), a_head()] {
            let text = statement.text();
            assert_eq!(Statement::read(text.as_bytes()), Some(statement));
            assert_eq!(Statement::read(text.trim_end().as_bytes()), None);
            assert_eq!(Statement::read(text.replacen(':', ": ", 1).as_bytes()), None);
        }
    }

    #[test]
    fn a_head_is_written_as_in_toto_has_it() {
        let hash = Sha256::of(b"row");
        let expected = format!(
            "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{{\"seq\":7}},\
             \"predicateType\":\"urn:lattice:receipt:audit-head:v1\",\
             \"subject\":[{{\"digest\":{{\"sha256\":\"{hash}\"}},\"name\":\"audit/7\"}}]}}\n"
        );
        assert_eq!(a_head().text(), expected);
    }

    /// A receipt that was signed before there was a native tier stays good, to the byte.
    #[test]
    fn version_1_reads_back_and_knows_no_packaging() {
        let mut old = a_match();
        let Predicate::Match(played) = &mut old.predicate else { panic!("it is a match") };
        (played.packaging, played.isolation) = (None, None);
        let text = old.text();
        assert!(text.contains("receipt:match:v1") && !text.contains("isolation"), "{text}");
        assert_eq!(Statement::read(text.as_bytes()), Some(old));
        for (from, to) in [
            ("match:v1", "match:v2"),
            ("\"forkedFrom\":null,", "\"forkedFrom\":null,\"isolation\":null,"),
            ("\"result\":", "\"packaging\":\"wasm\",\"result\":"),
        ] {
            let mixed = text.replacen(from, to, 1);
            assert_ne!(mixed, text);
            assert_eq!(Statement::read(mixed.as_bytes()), None, "{mixed}");
        }
        let new = a_match().text();
        assert_eq!(Statement::read(new.replacen("match:v2", "match:v1", 1).as_bytes()), None);
    }

    #[test]
    fn what_is_unknown_missing_or_of_another_kind_is_no_statement() {
        let text = a_head().text();
        for (from, to) in [
            ("{\"seq\":7}", "{\"seq\":7,\"since\":1}"),
            ("{\"seq\":7}", "{}"),
            ("{\"seq\":7}", "{\"seq\":7.0}"),
            ("audit-head:v1", "audit-head:v2"),
            ("Statement/v1", "Statement/v0.1"),
            ("\"seq\":7", "\"seq\":7,\"seq\":7"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text);
            assert_eq!(Statement::read(other.as_bytes()), None, "{other}");
        }
    }
}
