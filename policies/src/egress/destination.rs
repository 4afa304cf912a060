//! Where a permitted request may be sent: the addresses of a lookup once every one of them is fit.
//! Never picks the fit ones of a mixed answer, because who answers half a lie is not believed.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use super::{
    Entry, Origin,
    address::{Class, classify},
};

/// Proof that addresses were vetted; what it holds is all that may be dialled.
///
/// Nothing outside makes one but by [`EgressPermit::vet`](super::EgressPermit::vet):
///
/// ```compile_fail,E0451
/// # use lattice_policies::egress::Destination;
/// let forged = Destination { addresses: vec!["127.0.0.1:80".parse().unwrap()] };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    addresses: Vec<SocketAddr>,
}

impl Destination {
    /// At least one, in the order of the lookup.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

/// Why no address of a lookup may be dialled. For the operator: the guest is told nothing of what
/// a lookup revealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRefusal {
    /// The entry under which the request was permitted.
    pub entry: Entry,
    /// Every address that may not be dialled; none if the lookup had no answer.
    pub unfit: Vec<Unfit>,
}

/// An address that may not be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit {
    pub address: IpAddr,
    /// What the address is; `Public` for one that the URL does not name, though it names another.
    pub class: Class,
}

pub(super) fn vet(entry: &Entry, answers: &[IpAddr]) -> Result<Destination, AddressRefusal> {
    let classes =
        answers.iter().map(|address| Unfit { address: *address, class: classify(*address) });
    let unfit: Vec<Unfit> = classes.filter(|answer| !is_fit(entry, *answer)).collect();
    if answers.is_empty() || !unfit.is_empty() {
        return Err(AddressRefusal { entry: entry.clone(), unfit });
    }
    let dial = |address: &IpAddr| SocketAddr::new(*address, entry.origin.port);
    Ok(Destination { addresses: answers.iter().map(dial).collect() })
}

/// An address in the URL needs no lookup, so that no lookup may change it.
fn is_fit(entry: &Entry, Unfit { address, class }: Unfit) -> bool {
    let is_meant = entry.origin.host.literal().is_none_or(|literal| literal == address);
    is_meant && (class == Class::Public || entry.allow_private && class.is_private())
}

/// The most addresses that are shown.
const SHOWN: usize = 8;

impl fmt::Display for AddressRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { host, .. } = &self.entry.origin;
        if self.unfit.is_empty() {
            return write!(f, "{host} has no address");
        }
        write!(f, "{host} may not be reached at ")?;
        for (index, Unfit { address, class }) in self.unfit.iter().take(SHOWN).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{address} ({class})")?;
        }
        match self.unfit.len().saturating_sub(SHOWN) {
            0 => {}
            more => write!(f, " and {more} more")?,
        }
        let is_private = self.unfit.iter().all(|unfit| unfit.class.is_private());
        let hint = "; an entry with allow_private would permit it";
        if is_private && !self.entry.allow_private { f.write_str(hint) } else { Ok(()) }
    }
}

impl std::error::Error for AddressRefusal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn entry(text: &str, allow_private: bool) -> Entry {
        Entry { allow_private, ..text.parse().unwrap() }
    }

    /// What may be dialled, or the operator's text.
    fn dialled(entry: &Entry, answers: &[&str]) -> Result<Vec<String>, String> {
        let destination = vet(entry, &addresses(answers)).map_err(|error| error.to_string())?;
        Ok(destination.addresses().iter().map(SocketAddr::to_string).collect())
    }

    #[test]
    fn public_answers_are_dialled_at_the_entrys_port() {
        let entry = entry("h.example:8443", false);
        let dialled = dialled(&entry, &["93.184.216.34", "2606:4700::1111"]).unwrap();
        assert_eq!(dialled, ["93.184.216.34:8443", "[2606:4700::1111]:8443"]);
    }

    #[test]
    fn one_unfit_answer_spoils_all() {
        let entry = entry("h.example:443", false);
        let answers = ["93.184.216.34", "127.0.0.1", "169.254.169.254"];
        let text = dialled(&entry, &answers).unwrap_err();
        assert_eq!(
            text,
            "h.example may not be reached at 127.0.0.1 (loopback, RFC 1122 and RFC 4291), \
             169.254.169.254 (a cloud's metadata service)"
        );
        assert_eq!(vet(&entry, &addresses(&answers)).unwrap_err().unfit.len(), 2);
        assert_eq!(dialled(&entry, &[]).unwrap_err(), "h.example has no address");
    }

    #[test]
    fn a_private_answer_needs_an_entry_that_says_so() {
        let answers = ["127.0.0.1", "10.0.0.5", "100.64.0.1", "fd12::1", "93.184.216.34"];
        let text = dialled(&entry("h.example:443", false), &answers).unwrap_err();
        assert!(text.ends_with("; an entry with allow_private would permit it"), "{text}");
        let open = entry("h.example:443", true);
        assert_eq!(dialled(&open, &answers).unwrap().len(), answers.len());
        for never in ["169.254.1.1", "0.0.0.0", "100.100.100.200", "::ffff:10.0.0.1", "fe80::1"] {
            let text = dialled(&open, &[never]).unwrap_err();
            assert!(!text.contains("allow_private"), "{text}");
        }
    }

    #[test]
    fn an_address_in_the_url_is_the_only_one() {
        let entry = entry("http://127.0.0.1:9000", true);
        assert_eq!(dialled(&entry, &["127.0.0.1"]).unwrap(), ["127.0.0.1:9000"]);
        assert!(dialled(&entry, &["127.0.0.2"]).is_err());
        assert!(dialled(&entry, &["127.0.0.1", "93.184.216.34"]).is_err());
        assert!(dialled(&entry, &[]).is_err());
    }

    #[test]
    fn a_long_answer_is_told_shortly() {
        let text = dialled(&entry("h.example:443", false), &["10.0.0.1"; 1_000]).unwrap_err();
        assert!(text.contains(" and 992 more;"), "{text}");
    }
}
