//! Receipts made of what the store knows at the moment of a commit. Never asks the store.

use lattice_policies::Sha256;
use lattice_store::{AuditHead, BuildFacts, EndProof, Match, MatchEnd, MatchFacts, Segment};

use crate::packaging::features;

use super::{
    envelope,
    key::HostKey,
    statement::{
        AuditHeadPredicate, AuditPlace, BuildPredicate, Ending, ForkPoint, Import, InputLogDigest,
        MatchPredicate, Predicate, SegmentStart, Statement, Subject, Verdict,
    },
};

/// What a match's receipt states beside what the store tells when the match ends.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) proof: EndProof,
    /// Of the config blob.
    pub(crate) config: Sha256,
    pub(crate) segments: Vec<Segment>,
    /// Of the whole input log; `None` for one that is not kept, or is damaged.
    pub(crate) log: Option<Sha256>,
}

/// The receipt of a build.
pub(crate) fn sign_build(key: &HostKey, facts: &BuildFacts<'_>) -> String {
    let name = format!("{}/{}", facts.game, facts.version);
    let predicate = BuildPredicate {
        game: facts.game.clone(),
        version: facts.version.to_string(),
        packaging: Some(facts.packaging),
        size: facts.size,
        verdict: Verdict::Admitted,
        imports: facts.imports.iter().map(|name| Import::of(name)).collect(),
        features: features(facts.packaging),
        policy: facts.policy,
        scanner: facts.scanner,
        created_at: facts.created_at.to_string(),
        audit: facts.audit.into(),
    };
    let subject = Subject { name, sha256: facts.sha256 };
    sign(key, &Statement { subject, predicate: Predicate::Build(predicate) })
}

/// The receipt of a match that has ended.
pub(crate) fn sign_match(key: &HostKey, facts: &MatchFacts<'_>, played: &Played) -> String {
    let subject = Subject { name: facts.run.id.to_string(), sha256: played.proof.transcript };
    let predicate = Predicate::Match(Box::new(match_predicate(facts, played)));
    sign(key, &Statement { subject, predicate })
}

/// The receipt of the audit's end.
pub(crate) fn sign_head(key: &HostKey, head: &AuditHead) -> String {
    let subject = Subject { name: format!("audit/{}", head.seq), sha256: head.hash };
    let predicate = Predicate::AuditHead(AuditHeadPredicate { seq: head.seq });
    sign(key, &Statement { subject, predicate })
}

pub(super) fn sign(key: &HostKey, statement: &Statement) -> String {
    envelope::seal(key, statement.text().as_bytes())
}

fn match_predicate(facts: &MatchFacts<'_>, played: &Played) -> MatchPredicate {
    let MatchFacts { run, end, log, audit } = *facts;
    let log = log.zip(played.log);
    MatchPredicate {
        game: run.game.clone(),
        version: run.version.to_string(),
        module: run.sha256,
        packaging: Some(run.packaging),
        isolation: run.isolation.clone(),
        runs: played.proof.runs,
        engine: played.proof.fingerprint,
        tick_hz: run.tick_hz,
        seed: run.seed.to_string(),
        config: played.config,
        forked_from: fork_point(run),
        segments: played.segments.iter().map(segment_start).collect(),
        input_log: log.map(|(log, sha256)| InputLogDigest {
            sha256,
            bytes: log.bytes,
            whole: !log.cut,
        }),
        ticks: end.ticks,
        ending: ending(end),
        state: played.proof.state,
        result: end.result.as_deref().map(Sha256::of),
        audit: audit.into(),
    }
}

fn fork_point(run: &Match) -> Option<ForkPoint> {
    run.forked_from.clone().map(|(of, tick)| ForkPoint { of, tick })
}

fn segment_start(segment: &Segment) -> SegmentStart {
    SegmentStart {
        tick: segment.tick,
        version: segment.version.to_string(),
        module: segment.sha256,
        why: segment.why.text().to_owned(),
    }
}

fn ending(end: &MatchEnd) -> Ending {
    let fault = end.fault.as_ref().and_then(|fault| fault["Kind"].as_str());
    Ending { state: end.state.text().to_owned(), fault: fault.map(str::to_owned) }
}

impl From<AuditHead> for AuditPlace {
    fn from(row: AuditHead) -> Self {
        Self { seq: row.seq, hash: row.hash }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lattice_policies::admission::Packaging;

    use super::{super::verify, *};

    #[test]
    fn a_build_is_stated_with_the_types_of_its_imports() {
        let key = HostKey::draw();
        let (game, version) = ("g_0123456789abcdef".parse().unwrap(), "1.2.3".parse().unwrap());
        let audit = AuditHead { seq: 7, hash: Sha256::of(b"row") };
        let facts = BuildFacts {
            game: &game,
            version: &version,
            packaging: Packaging::Wasm,
            sha256: Sha256::of(b"module"),
            size: 6,
            imports: &["lattice_ms_log".to_owned()],
            policy: Sha256::of(b"policy"),
            scanner: 1,
            audit,
            created_at: Timestamp::UNIX_EPOCH,
        };
        let receipt = sign_build(&key, &facts);
        let Statement { subject, predicate } = verify(receipt.as_bytes(), &[key.public()]).unwrap();
        assert_eq!(
            (subject.name.as_str(), subject.sha256),
            ("g_0123456789abcdef/1.2.3", facts.sha256)
        );
        let Predicate::Build(build) = predicate else { panic!("{predicate:?}") };
        assert_eq!(build.packaging, Some(Packaging::Wasm));
        assert_eq!(build.imports[0].signature, "(i32, i32, i32) -> ()");
        assert_eq!(build.audit, audit.into());
        assert!(build.features.contains(&"bulk-memory".to_owned()), "{:?}", build.features);
        assert!(!build.features.contains(&"threads".to_owned()), "{:?}", build.features);
    }
}
