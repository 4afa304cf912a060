//! The comparison of two transcripts, call by call, and the first difference in words.

use std::fmt;

use lattice_surface::Said;

use crate::{
    Course, Entry,
    describe::{describe, hex},
    hint::hint,
};

/// What two transcripts came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// They are the same, of so many calls.
    Same {
        calls: usize,
    },
    Differs(Difference),
}

/// The first place where the native program is not the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// -1 for `init`.
    pub tick: i64,
    /// What the module did there.
    pub wasm: String,
    /// What the native program did instead.
    pub native: String,
    /// Where the two begin to differ, if they are two of a kind.
    pub at: Option<String>,
    /// The likely cause, where the bytes tell.
    pub hint: Option<&'static str>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tick {
            -1 => writeln!(f, "they differ in init")?,
            tick => writeln!(f, "they differ in tick {tick}")?,
        }
        writeln!(f, "  wasm:   {}\n  native: {}", self.wasm, self.native)?;
        if let Some(at) = &self.at {
            writeln!(f, "  {at}")?;
        }
        if let Some(hint) = self.hint {
            writeln!(f, "  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Holds the native program's transcript against the module's.
pub fn compare(wasm: &[Entry], native: &[Entry]) -> Compared {
    let calls = wasm.len().max(native.len());
    for call in 0..calls {
        let found = match (wasm.get(call), native.get(call)) {
            (Some(wasm), Some(native)) => call_difference(wasm, native),
            (Some(wasm), None) => Some(one_ended(wasm, true)),
            (None, Some(native)) => Some(one_ended(native, false)),
            (None, None) => None,
        };
        if let Some(difference) = found {
            return Compared::Differs(difference);
        }
    }
    Compared::Same { calls }
}

fn call_difference(wasm: &Entry, native: &Entry) -> Option<Difference> {
    let tick = wasm.tick;
    if wasm.said != native.said {
        return Some(said_difference(tick, &wasm.said, &native.said));
    }
    let (words, other) = if wasm.tick != native.tick {
        (format!("made the call of tick {tick}"), format!("made that of tick {}", native.tick))
    } else if wasm.course != native.course {
        (course(&wasm.course), course(&native.course))
    } else if wasm.transcript != native.transcript {
        let words = |entry: &Entry| format!("said something with the hash {}", entry.transcript);
        let in_constructors = "before init, in static constructors: ";
        (format!("{in_constructors}{}", words(wasm)), words(native))
    } else {
        return None;
    };
    Some(Difference { tick, wasm: words, native: other, at: None, hint: None })
}

/// The first saying that is another one; the bytes are not equal.
fn said_difference(tick: i64, mut wasm: &[u8], mut native: &[u8]) -> Difference {
    let mut number = 1;
    loop {
        let (ours, theirs) = (Said::take(&mut wasm), Said::take(&mut native));
        if ours != theirs || ours.is_none() {
            let at = format!("it is the call's saying {number}");
            return sayings_difference(tick, ours.as_ref(), theirs.as_ref(), at);
        }
        number += 1;
    }
}

fn sayings_difference(
    tick: i64,
    wasm: Option<&Said<'_>>,
    native: Option<&Said<'_>>,
    mut at: String,
) -> Difference {
    let words = |said: Option<&Said<'_>>| said.map_or("said no more".to_owned(), describe);
    let mut cause = None;
    if let Some((ours, theirs)) = wasm.zip(native).and_then(payloads) {
        let offset = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
        at = format!(
            "{at}; byte {offset} is the first that differs: wasm {}, native {}",
            from(ours, offset),
            from(theirs, offset)
        );
        cause = hint(ours, theirs, offset);
    }
    Difference { tick, wasm: words(wasm), native: words(native), at: Some(at), hint: cause }
}

/// The bytes of two sayings of a kind, if they are what differs.
fn payloads<'a>(pair: (&Said<'a>, &Said<'a>)) -> Option<(&'a [u8], &'a [u8])> {
    let bytes = match pair {
        (Said::Log { text: ours, .. }, Said::Log { text: theirs, .. })
        | (Said::Send { bytes: ours, .. }, Said::Send { bytes: theirs, .. })
        | (Said::Broadcast { bytes: ours, .. }, Said::Broadcast { bytes: theirs, .. })
        | (Said::Result { bytes: ours }, Said::Result { bytes: theirs })
        | (Said::Gauge { value: ours, .. }, Said::Gauge { value: theirs, .. }) => (*ours, *theirs),
        (Said::Request { body: ours, .. }, Said::Request { body: theirs, .. }) => (*ours, *theirs),
        _ => return None,
    };
    (bytes.0 != bytes.1).then_some(bytes)
}

fn from(bytes: &[u8], offset: usize) -> String {
    match bytes.get(offset..) {
        Some(rest) if !rest.is_empty() => hex(&rest[..rest.len().min(8)]),
        _ => "ends there".to_owned(),
    }
}

/// Only one of the two made a call.
fn one_ended(entry: &Entry, is_wasm: bool) -> Difference {
    let (ran, ended) = (course(&entry.course), "had ended before".to_owned());
    let (wasm, native) = if is_wasm { (ran, ended) } else { (ended, ran) };
    Difference { tick: entry.tick, wasm, native, at: None, hint: None }
}

fn course(course: &Course) -> String {
    match course {
        Course::GoesOn => "went on".to_owned(),
        Course::Finished => "finished".to_owned(),
        Course::Faulted(kind) => format!("faulted: {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use lattice_policies::Sha256;

    use super::*;

    /// A broadcast as the transcript has it.
    fn broadcast(bytes: &[u8]) -> Vec<u8> {
        let numbers = [0_u32, bytes.len() as u32].map(u32::to_le_bytes).concat();
        [&[3], numbers.as_slice(), bytes].concat()
    }

    fn entries(said: &[Vec<u8>]) -> Vec<Entry> {
        let entry = |(tick, said): (i64, &Vec<u8>)| {
            let transcript = Sha256::of(said);
            Entry { tick, course: Course::GoesOn, transcript, said: said.clone() }
        };
        (-1..).zip(said).map(entry).collect()
    }

    fn difference(wasm: &[Entry], native: &[Entry]) -> Difference {
        match compare(wasm, native) {
            Compared::Differs(difference) => difference,
            same @ Compared::Same { .. } => panic!("{same:?}"),
        }
    }

    #[test]
    fn the_first_saying_and_byte_that_differ_are_named() {
        let said = |last: &[u8]| [broadcast(b"same"), broadcast(last)].concat();
        let wasm = entries(&[Vec::new(), said(b"abcd"), said(b"abcd")]);
        assert_eq!(compare(&wasm, &wasm), Compared::Same { calls: 3 });
        let found = difference(&wasm, &entries(&[Vec::new(), said(b"abXd"), said(b"zz")]));
        assert_eq!(found.tick, 0);
        let at = found.at.unwrap();
        assert!(at.contains("saying 2; byte 2") && at.contains("wasm 63 64, native 58 64"), "{at}");
    }

    #[test]
    fn a_saying_too_many_is_a_difference() {
        let wasm = entries(&[broadcast(b"a")]);
        let native = entries(&[[broadcast(b"a"), broadcast(b"b")].concat()]);
        let found = difference(&wasm, &native);
        assert_eq!((found.tick, found.wasm.as_str()), (-1, "said no more"));
        assert!(found.native.starts_with("broadcast"), "{found}");
    }

    #[test]
    fn an_end_and_a_course_of_its_own_are_differences() {
        let wasm = entries(&[Vec::new(), Vec::new(), Vec::new()]);
        let shorter = difference(&wasm, &wasm[..2]);
        assert_eq!((shorter.tick, shorter.native.as_str()), (1, "had ended before"));
        let mut finished = wasm.clone();
        finished[1].course = Course::Finished;
        let found = difference(&wasm, &finished);
        assert_eq!((found.tick, found.native.as_str()), (0, "finished"));
        let mut other_chain = wasm.clone();
        other_chain[0].transcript = Sha256::of(b"what a constructor said");
        assert!(difference(&wasm, &other_chain).wasm.contains("static constructors"));
    }
}
