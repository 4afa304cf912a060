//! The first bytes of an upload: whether it is a core module at all, and what it is instead.

use super::{ReasonCode, findings::Findings};

const MAGIC: &[u8] = b"\0asm";
const CORE_VERSION: [u8; 2] = [1, 0];
const CORE_LAYER: [u8; 2] = [0, 0];

/// Whether it is worth reading on.
///
/// Nothing is unpacked or translated on the way in: what the bytes are, they are.
pub(super) fn check(wasm: &[u8], findings: &mut Findings) -> bool {
    let Some(header) = wasm.strip_prefix(MAGIC) else {
        findings.malformed(
            "does not begin with the bytes 00 61 73 6d, as a module does",
            what_else(wasm),
        );
        return false;
    };
    match header.first_chunk::<4>() {
        None => findings.malformed("ends within its header", None),
        Some([_, _, layer @ ..]) if *layer != CORE_LAYER => {
            findings.refuse_with_hint(ReasonCode::NotACoreModule, "a component", || {
                Some("upload the core module that it wraps".to_owned())
            });
        }
        Some([version @ .., _, _]) if *version != CORE_VERSION => {
            findings.malformed(
                format_args!(
                    "binary version {}, and there is only 1",
                    u16::from_le_bytes(*version)
                ),
                None,
            );
        }
        Some(_) => return true,
    }
    false
}

/// A guess at what was uploaded instead, by its first bytes.
fn what_else(wasm: &[u8]) -> Option<String> {
    const KINDS: [(&[u8], &str); 9] = [
        (b"", "the upload is empty"),
        (b"\x1f\x8b", "this is gzip: upload the module as it is, not packed"),
        (b"PK\x03\x04", "this is a zip file: upload the module as it is, not packed"),
        (b"\x28\xb5\x2f\xfd", "this is zstd: upload the module as it is, not packed"),
        (b"(module", "this is the text format: translate it with wat2wasm first"),
        (b"AGFzb", "this is base64: send the bytes themselves"),
        (b"\x7fELF", "this is native: upload it as such, or compile with --target=wasm32"),
        (b"MZ", "this is a native program: compile with --target=wasm32"),
        (b"BC\xc0\xde", "this is LLVM bitcode: link it with wasm-ld"),
    ];
    let begins = |(magic, _): &&(&[u8], &str)| {
        if magic.is_empty() { wasm.is_empty() } else { wasm.starts_with(magic) }
    };
    KINDS.iter().find(begins).map(|(_, kind)| (*kind).to_owned())
}
