//! What a native sim asks its host in a turn of its own: the calls that nobody else can answer, as
//! their arguments stand in the ring.

use lattice_cell::places;
use lattice_surface::{Call, FetchCall};

/// The call of the function at that place of the table. Pointers are offsets in the image; one that
/// has no 32 bits is as far out as there is. `None` if no sim has to ask for it.
pub(super) fn call(function: u32, asked: [u64; 7]) -> Option<Call> {
    let range = |at: usize| (u32::try_from(asked[at]).unwrap_or(u32::MAX), asked[at + 1] as u32);
    let (ptr, len) = range(0);
    let call = match function {
        places::CONFIG => Call::Config { ptr, cap: len },
        places::GAUGE => Call::Gauge { ptr, len, value: f64::from_bits(asked[2]) },
        places::STATE_WRITE => Call::StateWrite { ptr, len },
        places::STATE_READ => Call::StateRead { ptr, cap: len },
        places::HTTP_REQUEST => Call::HttpRequest(FetchCall {
            method: asked[0] as u32,
            url: range(1),
            headers: range(3),
            body: range(5),
        }),
        _ => return None,
    };
    Some(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_of_the_tables_functions_are_asked_for_each_with_its_own_arguments() {
        let asked = [1, 2, 3, 4, 5, 6, 7];
        let called = |place| call(place, asked).unwrap();
        let value = f64::from_bits(3);
        assert_eq!(called(places::CONFIG), Call::Config { ptr: 1, cap: 2 });
        assert_eq!(called(places::GAUGE), Call::Gauge { ptr: 1, len: 2, value });
        assert_eq!(called(places::STATE_WRITE), Call::StateWrite { ptr: 1, len: 2 });
        assert_eq!(called(places::STATE_READ), Call::StateRead { ptr: 1, cap: 2 });
        let request = FetchCall { method: 1, url: (2, 3), headers: (4, 5), body: (6, 7) };
        assert_eq!(called(places::HTTP_REQUEST), Call::HttpRequest(request));
        let answered = (0..20).filter(|place| call(*place, asked).is_some()).count();
        assert_eq!(answered, 5, "the others are answered in the process, or are not there");
    }

    #[test]
    fn a_pointer_beyond_32_bits_stays_out_of_every_image() {
        let far = call(places::CONFIG, [1 << 32, 8, 0, 0, 0, 0, 0]);
        assert_eq!(far, Some(Call::Config { ptr: u32::MAX, cap: 8 }));
    }
}
