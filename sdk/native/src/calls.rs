//! The functions that a sim imports, as `lattice_managed.h` declares them for a native target.
//!
//! Each makes a slice of what the sim points at, and asks the surface; a sim's pointer becomes 0,
//! where the slice begins. What is null has no bytes, so that a length beside it is a bad pointer.
#![expect(
    unsafe_code,
    reason = "C calls these by name, and hands over pointers whose lengths only it knows"
)]

use std::{
    ffi::{c_char, c_void},
    slice,
};

use lattice_policies::PlayerId;
use lattice_surface::{Call, FetchCall};

use crate::native_match::surface;

/// # Safety
/// As the header says of every function here: a pointer that is not null points at as many bytes as
/// the length beside it says, and nobody else uses them during the call.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_log(level: i32, text: *const c_void, len: u32) {
    // SAFETY: the caller's promise above.
    let mut text = unsafe { bytes_at(text, len) };
    act(&Call::Log { level: level as u32, ptr: 0, len }, &mut text);
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn lattice_ms_event_peek() -> i32 {
    act(&Call::EventPeek, &mut [])
}

/// # Safety
/// As of [`lattice_ms_log`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_event_next(buffer: *mut c_void, cap: u32) -> i32 {
    // SAFETY: the caller's promise above.
    act(&Call::EventNext { ptr: 0, cap }, unsafe { room_at(buffer, cap) })
}

/// # Safety
/// As of [`lattice_ms_log`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_send(
    player: u32,
    data: *const c_void,
    len: u32,
    flags: u32,
) -> i32 {
    // SAFETY: the caller's promise above.
    let mut data = unsafe { bytes_at(data, len) };
    act(&Call::Send { player: PlayerId(player), ptr: 0, len, flags }, &mut data)
}

/// # Safety
/// As of [`lattice_ms_log`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_broadcast(
    data: *const c_void,
    len: u32,
    flags: u32,
) -> i32 {
    // SAFETY: the caller's promise above.
    let mut data = unsafe { bytes_at(data, len) };
    act(&Call::Broadcast { ptr: 0, len, flags }, &mut data)
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn lattice_ms_kick(player: u32, reason: i32) -> i32 {
    act(&Call::Kick { player: PlayerId(player), reason }, &mut [])
}

/// # Safety
/// As of [`lattice_ms_log`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_http_request(
    method: i32,
    url: *const c_char,
    url_len: u32,
    headers: *const c_char,
    headers_len: u32,
    body: *const c_void,
    body_len: u32,
) -> i32 {
    let parts = [(url.cast(), url_len), (headers.cast(), headers_len), (body, body_len)];
    // One behind the other; what is nowhere lies behind them all.
    let mut memory = Vec::new();
    let [url, headers, body] = parts.map(|(from, len): (*const c_void, u32)| {
        let nothing = from.is_null() && len > 0;
        let start = if nothing { u32::MAX } else { memory.len() as u32 };
        // SAFETY: the caller's promise above.
        memory.extend_from_slice(&unsafe { bytes_at(from, len) });
        (start, len)
    });
    act(&Call::HttpRequest(FetchCall { method: method as u32, url, headers, body }), &mut memory)
}

/// # Safety
/// As of [`lattice_ms_log`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_config(buffer: *mut c_void, cap: u32) -> i32 {
    // SAFETY: the caller's promise above.
    act(&Call::Config { ptr: 0, cap }, unsafe { room_at(buffer, cap) })
}

/// # Safety
/// As of [`lattice_ms_log`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_result(data: *const c_void, len: u32) -> i32 {
    // SAFETY: the caller's promise above.
    let mut data = unsafe { bytes_at(data, len) };
    act(&Call::Result { ptr: 0, len }, &mut data)
}

/// # Safety
/// As of [`lattice_ms_log`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_gauge(name: *const c_char, len: u32, value: f64) -> i32 {
    // SAFETY: the caller's promise above.
    let mut name = unsafe { bytes_at(name.cast(), len) };
    act(&Call::Gauge { ptr: 0, len, value }, &mut name)
}

/// # Safety
/// As of [`lattice_ms_log`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_state_write(data: *const c_void, len: u32) -> i32 {
    // SAFETY: the caller's promise above.
    let mut data = unsafe { bytes_at(data, len) };
    act(&Call::StateWrite { ptr: 0, len }, &mut data)
}

/// # Safety
/// As of [`lattice_ms_log`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn lattice_ms_state_read(buffer: *mut c_void, cap: u32) -> i32 {
    // SAFETY: the caller's promise above.
    act(&Call::StateRead { ptr: 0, cap }, unsafe { room_at(buffer, cap) })
}

fn act(call: &Call, memory: &mut [u8]) -> i32 {
    surface().act(call, memory)
}

/// A copy of what the sim hands over, which may lie where nothing can be written.
///
/// # Safety
/// `from` is null, or points at `len` bytes.
unsafe fn bytes_at(from: *const c_void, len: u32) -> Vec<u8> {
    if from.is_null() || len == 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise above; it is not null.
    unsafe { slice::from_raw_parts(from.cast(), len as usize) }.to_vec()
}

/// The sim's buffer, to be filled.
///
/// # Safety
/// `to` is null, or points at `cap` bytes that nobody else uses while the slice lives.
unsafe fn room_at<'a>(to: *mut c_void, cap: u32) -> &'a mut [u8] {
    if to.is_null() || cap == 0 {
        return &mut [];
    }
    // SAFETY: the caller's promise above; it is not null.
    unsafe { slice::from_raw_parts_mut(to.cast(), cap as usize) }
}
