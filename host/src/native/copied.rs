//! Host calls whose ranges the surface finds in copies: what a native sim points to is its own to
//! write at any time, so the host takes out what a call looks at, once, and nothing more.

use std::io;

use lattice_cell::{Record, in_image};
use lattice_policies::{
    egress::{BODY_BYTES, HEADER_BLOCK_BYTES, URL_BYTES},
    policy::MatchLimits,
};
use lattice_surface::{Call, FetchCall, Surface};

use super::image::Image;

/// The ranges of a call, each a pointer and a length; those that it does not have are empty.
pub(crate) type Ranges = [(u32, u32); 3];

pub(crate) fn ranges(call: &Call) -> Ranges {
    const NONE: (u32, u32) = (0, 0);
    match *call {
        Call::Log { ptr, len, .. }
        | Call::EventNext { ptr, cap: len }
        | Call::Send { ptr, len, .. }
        | Call::Broadcast { ptr, len, .. }
        | Call::Config { ptr, cap: len }
        | Call::Result { ptr, len }
        | Call::Gauge { ptr, len, .. }
        | Call::StateWrite { ptr, len }
        | Call::StateRead { ptr, cap: len } => [(ptr, len), NONE, NONE],
        Call::HttpRequest(FetchCall { url, headers, body, .. }) => [url, headers, body],
        Call::EventPeek | Call::Kick { .. } => [NONE; 3],
    }
}

fn with_ranges(call: Call, [first, second, third]: Ranges) -> Call {
    let (ptr, len) = first;
    match call {
        Call::Log { level, .. } => Call::Log { level, ptr, len },
        Call::EventNext { .. } => Call::EventNext { ptr, cap: len },
        Call::Send { player, flags, .. } => Call::Send { player, ptr, len, flags },
        Call::Broadcast { flags, .. } => Call::Broadcast { ptr, len, flags },
        Call::Config { .. } => Call::Config { ptr, cap: len },
        Call::Result { .. } => Call::Result { ptr, len },
        Call::Gauge { value, .. } => Call::Gauge { ptr, len, value },
        Call::StateWrite { .. } => Call::StateWrite { ptr, len },
        Call::StateRead { .. } => Call::StateRead { ptr, cap: len },
        Call::HttpRequest(FetchCall { method, .. }) => {
            Call::HttpRequest(FetchCall { method, url: first, headers: second, body: third })
        }
        Call::EventPeek | Call::Kick { .. } => call,
    }
}

pub(crate) fn are_in_image(call: &Call, span: u64) -> bool {
    ranges(call).into_iter().all(|(ptr, len)| in_image(ptr, len, span))
}

/// How many bytes of each range the surface looks at: those of one that is too long are cut so that
/// it still is. None of what it only writes to.
pub(crate) fn looked_at(call: &Call, limits: &MatchLimits) -> [u32; 3] {
    let cut = |len: u32, most: u32| len.min(most.saturating_add(1));
    match *call {
        Call::Gauge { len, .. } => [cut(len, limits.gauge_name_bytes), 0, 0],
        Call::StateWrite { len, .. } => [cut(len, limits.state_blob_bytes), 0, 0],
        Call::HttpRequest(FetchCall { url, headers, body, .. }) => [
            cut(url.1, URL_BYTES as u32),
            cut(headers.1, HEADER_BLOCK_BYTES as u32),
            cut(body.1, BODY_BYTES as u32),
        ],
        _ => [Record::looked_at(call, &limits.into()), 0, 0],
    }
}

/// Has the surface act on a call of whose ranges so many bytes stand in `copy`, one behind the other.
pub(crate) fn act(surface: &mut Surface, call: Call, sizes: [u32; 3], copy: &mut [u8]) -> i32 {
    let mut end = 0;
    let moved = sizes.map(|size| {
        let start = end;
        end += size;
        (start, size)
    });
    surface.act(&with_ranges(call, moved), copy)
}

/// Has the surface act on a call that it answers by what stands in the image.
pub(crate) fn act_about(
    surface: &mut Surface,
    call: Call,
    limits: &MatchLimits,
    image: &Image,
    buffer: &mut Vec<u8>,
) -> io::Result<i32> {
    let sizes = looked_at(&call, limits);
    let copy = zeroed(buffer, sizes.iter().sum());
    let mut rest = &mut *copy;
    for ((ptr, _), size) in ranges(&call).into_iter().zip(sizes) {
        let (part, behind) = rest.split_at_mut(size as usize);
        image.read(ptr.into(), part)?;
        rest = behind;
    }
    Ok(act(surface, call, sizes, copy))
}

/// Has the surface act on a call that it answers in the image, at `ptr`, where the sim may write.
pub(crate) fn act_within(
    surface: &mut Surface,
    call: Call,
    ptr: u32,
    image: &Image,
    buffer: &mut Vec<u8>,
) -> io::Result<i32> {
    let size = surface.moves(&call);
    let copy = zeroed(buffer, size);
    let answer = act(surface, call, [size, 0, 0], copy);
    if answer >= 0 {
        image.write(ptr.into(), copy)?;
    }
    Ok(answer)
}

/// Has the surface act on a call that points out of the sim's memory.
pub(crate) fn act_outside(surface: &mut Surface, call: Call) -> i32 {
    surface.act(&with_ranges(call, [(u32::MAX, 1); 3]), &mut [])
}

pub(super) fn zeroed(buffer: &mut Vec<u8>, size: u32) -> &mut [u8] {
    buffer.clear();
    buffer.resize(size as usize, 0);
    buffer
}
