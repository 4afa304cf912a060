//! A table of names, of which each is read no further than a name may be long: names may stand within
//! each other, and so be longer together than the table.

#[derive(Default)]
pub(super) struct Strings<'a> {
    bytes: &'a [u8],
    most: usize,
}

impl<'a> Strings<'a> {
    /// `most` bytes of a name are told apart.
    pub(super) fn new(bytes: &'a [u8], most: u32) -> Self {
        Self { bytes, most: most as usize }
    }

    /// The name, or one byte more of a longer one than there may be; `None` if there is none or it
    /// does not end.
    pub(super) fn get(&self, at: u64) -> Option<&'a [u8]> {
        let rest = self.bytes.get(usize::try_from(at).ok()?..)?;
        let looked_at = &rest[..rest.len().min(self.most + 1)];
        match looked_at.iter().position(|byte| *byte == 0) {
            Some(end) => Some(&looked_at[..end]),
            None => (looked_at.len() > self.most).then_some(looked_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_where_it_ends_or_is_cut() {
        let strings = Strings::new(b"\0abc\0abcd\0abcde\0ab", 4);
        for (at, name) in [(0, &b""[..]), (2, b"bc"), (5, b"abcd"), (10, b"abcde")] {
            assert_eq!(strings.get(at), Some(name), "{at}");
        }
        for at in [16, 17, 18, 19, u64::MAX] {
            assert_eq!(strings.get(at), None, "{at}");
        }
    }
}
