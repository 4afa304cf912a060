//! Receipts: what the host says it admitted, ran and recorded, signed with its own key, so that
//! whoever holds the public key can check it without asking anyone.
//!
//! A receipt is an in-toto statement (`statement`) in a DSSE envelope (`envelope`), signed by a
//! [`HostKey`] (`key`) that lies in the data folder (`key_folder`). Owns what a receipt says and how
//! its bytes look; never decides what is admitted, and never stores a receipt.

mod canonical;
mod envelope;
mod key;
mod key_folder;
mod pem;
mod sign;
mod statement;

pub(crate) use envelope::{BadReceipt, MEDIA_TYPE};
pub(crate) use key::{HostKey, PublicKey};
pub(crate) use key_folder::{KeyError, KeyFolder, Keys};
pub(crate) use sign::{Played, sign_build, sign_head, sign_match};
pub(crate) use statement::*;

/// Reads a receipt that one of these keys signed. Demands the very bytes that the host writes:
/// each receipt has one form, and whatever is changed in it, be it a space, shows.
pub(crate) fn verify(receipt: &[u8], keys: &[PublicKey]) -> Result<Statement, BadReceipt> {
    let payload = envelope::open(receipt, keys)?;
    Statement::read(&payload).ok_or(BadReceipt::Statement)
}

/// A receipt that says whatever a test wants.
#[cfg(test)]
pub(crate) fn signed(key: &HostKey, statement: &Statement) -> String {
    sign::sign(key, statement)
}

/// What a receipt says and which key it names, with nobody's signature checked.
pub(crate) fn peek(receipt: &[u8]) -> Result<(Statement, String), BadReceipt> {
    let (payload, key) = envelope::peek(receipt)?;
    let statement = Statement::read(&payload).ok_or(BadReceipt::Statement)?;
    Ok((statement, key))
}
