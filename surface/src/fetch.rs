//! Web fetches: what `lattice_ms_http_request` answers at once.

use lattice_policies::Code;

use crate::{GuestMemory, memory::BadPointer};

/// Methods are numbered from 0: GET HEAD POST PUT PATCH DELETE OPTIONS.
const METHODS: u32 = 7;
/// The longest URL in bytes.
pub(crate) const URL_BYTES: u32 = 8 << 10;
/// The longest block of header lines in bytes.
pub(crate) const HEADERS_BYTES: u32 = 16 << 10;
/// The longest body in bytes.
pub(crate) const BODY_BYTES: u32 = 256 << 10;

/// A request as the guest words it: `(ptr, len)` of URL, header lines and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchCall {
    pub method: u32,
    pub url: (u32, u32),
    pub headers: (u32, u32),
    pub body: (u32, u32),
}

/// Decides on a request. The allow-list is empty, and an empty one denies all.
pub(crate) fn request(call: &FetchCall, memory: &GuestMemory<'_>) -> Code {
    match check(call, memory) {
        Err(BadPointer) => Code::BadPointer,
        Ok(false) => Code::HttpBadRequest,
        Ok(true) => Code::HttpNotAllowed,
    }
}

/// Whether the request is well-formed enough to be compared with an allow-list.
fn check(call: &FetchCall, memory: &GuestMemory<'_>) -> Result<bool, BadPointer> {
    let url = memory.read(call.url.0, call.url.1)?;
    memory.read(call.headers.0, call.headers.1)?;
    memory.read(call.body.0, call.body.1)?;
    let within =
        call.url.1 <= URL_BYTES && call.headers.1 <= HEADERS_BYTES && call.body.1 <= BODY_BYTES;
    let has_scheme = url.starts_with(b"http://") || url.starts_with(b"https://");
    Ok(call.method < METHODS && within && has_scheme)
}
