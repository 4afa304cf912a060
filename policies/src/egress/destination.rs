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
        f.write_str(if is_private && !self.entry.allow_private {
            "; an entry with allow_private would permit it"
        } else {
            ""
        })
    }
}

impl std::error::Error for AddressRefusal {}
