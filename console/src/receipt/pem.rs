//! The text that a key file holds: PEM around the fixed DER of an Ed25519 key (RFC 7468, RFC 8410),
//! which other tools read too. Never makes or judges a key.

use base64::{Engine, prelude::BASE64_STANDARD};

/// What stands around the 32 bytes of a key of one kind.
pub(super) struct Form {
    label: &'static str,
    /// The DER before the key: all of an Ed25519 key's DER that is not the key.
    der: &'static [u8],
}

/// `PrivateKeyInfo` of PKCS#8, with the seed.
pub(super) const PRIVATE: Form = Form {
    label: "PRIVATE KEY",
    der: &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20],
};
/// `SubjectPublicKeyInfo`.
pub(super) const PUBLIC: Form =
    Form { label: "PUBLIC KEY", der: &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0] };

/// The file of a key.
pub(super) fn write(form: &Form, key: &[u8; 32]) -> String {
    let der = BASE64_STANDARD.encode([form.der, key].concat());
    let label = form.label;
    format!("-----BEGIN {label}-----\n{der}\n-----END {label}-----\n")
}

/// The key of a file, if it is one of that form and nothing else.
pub(super) fn read(form: &Form, text: &str) -> Option<[u8; 32]> {
    let label = form.label;
    let body = text.strip_prefix(&format!("-----BEGIN {label}-----\n"))?;
    let body = body.trim_end().strip_suffix(&format!("\n-----END {label}-----"))?;
    let der = BASE64_STANDARD.decode(body).ok()?;
    der.strip_prefix(form.der)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_what_is_no_key_does_not() {
        let text = write(&PRIVATE, &[7; 32]);
        assert_eq!(read(&PRIVATE, &text), Some([7; 32]));
        assert_eq!(read(&PRIVATE, text.trim_end()), Some([7; 32]));
        assert_eq!(read(&PUBLIC, &text), None);
        for bad in ["", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", &text[1..]] {
            assert_eq!(read(&PRIVATE, bad), None, "{bad}");
        }
        assert_eq!(read(&PRIVATE, &text.replace('B', "C")), None);
    }

    /// The private key of RFC 8410, section 10.3.
    #[test]
    fn the_example_of_the_standard_is_read() {
        let text = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
            -----END PRIVATE KEY-----\n";
        let seed = read(&PRIVATE, text).unwrap();
        assert_eq!(seed[..4], [0xd4, 0xee, 0x72, 0xdb]);
        assert_eq!(write(&PRIVATE, &seed), text);
    }
}
