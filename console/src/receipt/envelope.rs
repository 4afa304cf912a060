//! The envelope of a receipt: DSSE, version 1 (github.com/secure-systems-lab/dsse), in the one form
//! that the host writes. Never knows what the payload says.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    canonical,
    key::{HostKey, KeyId, PublicKey},
};

/// What an envelope is, as HTTP names it.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";
/// What is in each of them.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Why bytes are no receipt of these keys.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BadReceipt {
    #[error("it is no DSSE envelope with one signature: {0}")]
    Form(String),
    #[error(
        "it is not in canonical form (keys sorted, no spaces, strict base64, one line feed at the end), so it is not as the host wrote it"
    )]
    NotCanonical,
    #[error("its payload is `{0}`, and a receipt's is `{PAYLOAD_TYPE}`")]
    PayloadType(String),
    #[error("it names the key {0}, which is none of those given")]
    UnknownKey(String),
    #[error(
        "its signature is not one of the key {0}: the receipt was altered, or the key is not the signer's"
    )]
    Signature(KeyId),
    #[error("what it says is no statement that this version of lattice writes")]
    Statement,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: [NamedSignature; 1],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedSignature {
    keyid: String,
    sig: String,
}

/// Puts a payload into a signed envelope.
pub(super) fn seal(key: &HostKey, payload: &[u8]) -> String {
    let signature = key.sign(&signed_bytes(PAYLOAD_TYPE, payload));
    canonical::text(&Envelope {
        payload: BASE64_STANDARD.encode(payload),
        payload_type: PAYLOAD_TYPE.to_owned(),
        signatures: [NamedSignature {
            keyid: key.public().id().to_string(),
            sig: BASE64_STANDARD.encode(signature),
        }],
    })
}

/// Takes the payload out of an envelope that one of these keys signed.
pub(super) fn open(bytes: &[u8], keys: &[PublicKey]) -> Result<Vec<u8>, BadReceipt> {
    let envelope = read(bytes)?;
    let [NamedSignature { keyid, sig }] = envelope.signatures;
    let key = keys.iter().find(|key| key.id().to_string() == keyid);
    let key = key.ok_or(BadReceipt::UnknownKey(keyid))?;
    let payload = decode(&envelope.payload)?;
    let signature = decode(&sig)?.try_into().map_err(|_| BadReceipt::Signature(key.id()))?;
    if key.has_signed(&signed_bytes(&envelope.payload_type, &payload), signature) {
        return Ok(payload);
    }
    Err(BadReceipt::Signature(key.id()))
}

/// The payload of an envelope whose signature nobody has checked.
pub(super) fn peek(bytes: &[u8]) -> Result<(Vec<u8>, String), BadReceipt> {
    let envelope = read(bytes)?;
    let [NamedSignature { keyid, .. }] = envelope.signatures;
    Ok((decode(&envelope.payload)?, keyid))
}

fn read(bytes: &[u8]) -> Result<Envelope, BadReceipt> {
    let envelope: Envelope =
        serde_json::from_slice(bytes).map_err(|error| BadReceipt::Form(error.to_string()))?;
    if canonical::text(&envelope).as_bytes() != bytes {
        return Err(BadReceipt::NotCanonical);
    }
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(BadReceipt::PayloadType(envelope.payload_type));
    }
    Ok(envelope)
}

/// Base64 with its padding, and with no bit set that no byte has.
fn decode(text: &str) -> Result<Vec<u8>, BadReceipt> {
    BASE64_STANDARD.decode(text).map_err(|_| BadReceipt::NotCanonical)
}

/// What is signed: DSSE's pre-authentication encoding.
fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Statement, statement, verify},
        *,
    };

    fn sealed() -> (HostKey, Statement, String) {
        let (key, statement) = (HostKey::draw(), statement::tests::a_match());
        let receipt = seal(&key, statement.text().as_bytes());
        (key, statement, receipt)
    }

    /// The receipt with its one signature replaced.
    fn with_signature(receipt: &str, change: impl Fn(&str) -> String) -> String {
        let envelope: Envelope = serde_json::from_str(receipt).unwrap();
        let sig = &envelope.signatures[0].sig;
        receipt.replacen(sig, &change(sig), 1)
    }

    #[test]
    fn what_was_sealed_is_what_is_read() {
        let (key, statement, receipt) = sealed();
        let others = [HostKey::draw().public(), key.public()];
        assert_eq!(verify(receipt.as_bytes(), &others).unwrap(), statement);
        assert!(receipt.starts_with("{\"payload\":\"") && receipt.ends_with("}]}\n"));
    }

    #[test]
    fn no_flipped_bit_goes_unseen() {
        let (key, _, receipt) = sealed();
        let keys = [key.public()];
        for at in 0..receipt.len() * 8 {
            let mut bytes = receipt.clone().into_bytes();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(verify(&bytes, &keys).is_err(), "bit {at}");
        }
    }

    #[test]
    fn a_receipt_that_is_cut_off_or_goes_on_is_none() {
        let (key, _, receipt) = sealed();
        let keys = [key.public()];
        for cut in 0..receipt.len() {
            assert!(verify(&receipt.as_bytes()[..cut], &keys).is_err(), "cut at {cut}");
        }
        for tail in ["\n", " ", "\0", "{}"] {
            let longer = format!("{receipt}{tail}");
            assert!(verify(longer.as_bytes(), &keys).is_err(), "{tail:?}");
        }
    }

    #[test]
    fn another_key_is_named() {
        let (key, _, receipt) = sealed();
        let unknown = BadReceipt::UnknownKey(key.public().id().to_string());
        assert_eq!(verify(receipt.as_bytes(), &[]), Err(unknown.clone()));
        assert_eq!(verify(receipt.as_bytes(), &[HostKey::draw().public()]), Err(unknown));
    }

    /// Who renames the key to one that is trusted has no signature of it.
    #[test]
    fn a_key_id_must_be_the_fingerprint_of_the_key_that_signed() {
        let (key, _, receipt) = sealed();
        let trusted = HostKey::draw().public();
        let renamed = receipt.replace(&key.public().id().to_string(), &trusted.id().to_string());
        let refused = verify(renamed.as_bytes(), &[trusted.clone(), key.public()]);
        assert_eq!(refused, Err(BadReceipt::Signature(trusted.id())));
        let shouted = key.public().id().to_string().to_uppercase();
        let upper = receipt.replace(&key.public().id().to_string(), &shouted);
        assert_eq!(verify(upper.as_bytes(), &[key.public()]), Err(BadReceipt::UnknownKey(shouted)));
    }

    #[test]
    fn the_same_values_in_other_bytes_are_refused() {
        let (key, _, receipt) = sealed();
        let spaced = receipt.replacen(':', ": ", 1);
        let pretty: serde_json::Value = serde_json::from_str(&receipt).unwrap();
        let pretty = serde_json::to_string_pretty(&pretty).unwrap();
        let escaped = receipt.replacen("payloadType", "payload\\u0054ype", 1);
        let line_end = receipt.replace('\n', "\r\n");
        for other in [&spaced, &pretty, &escaped, &line_end, &receipt.trim_end().to_owned()] {
            let refused = verify(other.as_bytes(), &[key.public()]);
            assert_eq!(refused, Err(BadReceipt::NotCanonical), "{other}");
        }
    }

    /// 64 bytes leave four bits of base64's last digit over: a lenient reader drops them.
    #[test]
    fn base64_with_loose_bits_or_without_padding_is_refused() {
        let (key, _, receipt) = sealed();
        let loose = with_signature(&receipt, |sig| {
            let (head, last) = sig.trim_end_matches('=').split_at(85);
            let next = char::from(last.as_bytes()[0] + 1);
            format!("{head}{next}==")
        });
        let unpadded = with_signature(&receipt, |sig| sig.trim_end_matches('=').to_owned());
        let url_safe = with_signature(&receipt, |_| format!("{}==", "-_".repeat(43)));
        for other in [loose, unpadded, url_safe] {
            assert_ne!(other, receipt);
            let refused = verify(other.as_bytes(), &[key.public()]);
            assert_eq!(refused, Err(BadReceipt::NotCanonical), "{other}");
        }
    }

    #[test]
    fn an_envelope_with_other_contents_or_signatures_is_no_receipt() {
        let (key, _, receipt) = sealed();
        let keys = [key.public()];
        let other_type = receipt.replace("vnd.in-toto", "vnd.out-toto");
        assert!(matches!(verify(other_type.as_bytes(), &keys), Err(BadReceipt::PayloadType(_))));
        let envelope: serde_json::Value = serde_json::from_str(&receipt).unwrap();
        let signature = envelope["signatures"][0].to_string();
        let twice = receipt.replace(&signature, &format!("{signature},{signature}"));
        assert!(matches!(verify(twice.as_bytes(), &keys), Err(BadReceipt::Form(_))));
        let more = receipt.replacen("{\"payload\"", "{\"note\":1,\"payload\"", 1);
        assert!(matches!(verify(more.as_bytes(), &keys), Err(BadReceipt::Form(_))));
        let none = seal(&key, b"{\"hello\":1}\n");
        assert_eq!(verify(none.as_bytes(), &keys), Err(BadReceipt::Statement));
    }
}
