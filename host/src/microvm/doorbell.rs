//! The doorbell: what a guest says by the address that it touched, and which call of a host function
//! its registers are. Whatever a sim has put into them comes to a call or to nonsense.

use lattice_cell::{IMAGE_BASE, places};
use lattice_policies::{PlayerId, functions::HOST_FUNCTIONS};
use lattice_surface::{Call, FetchCall};

use super::{
    code::VECTORS,
    machine::Exit,
    system::{BELL_PHYSICAL, CALLS, EXCEPTIONS, RETURNED, rings_at},
};

/// What a guest handed its processor back for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rung {
    /// To call the host function at that place of the table.
    Call(u32),
    /// The function has returned, with all of the register.
    Returned(u64),
    /// The processor refused an instruction.
    Exception(u64),
    /// A sim rang by itself, where none of our code does.
    Nonsense(u64),
    Late,
    Broken(String),
}

impl From<Exit> for Rung {
    fn from(exit: Exit) -> Self {
        const RETURNED_AT: u64 = rings_at(RETURNED);
        let place = |base: u64, at: u64, places: u64| {
            let distance = at.checked_sub(rings_at(base))?;
            let place = distance / 8;
            (distance.is_multiple_of(8) && place < places).then_some(place)
        };
        match exit {
            Exit::Load { at, len } => match place(CALLS, at, HOST_FUNCTIONS.len() as u64) {
                Some(function) if len == 4 => Self::Call(function as u32),
                _ => Self::Nonsense(at),
            },
            Exit::Store { at: RETURNED_AT, value, len: 8 } => Self::Returned(value),
            Exit::Store { at, .. } => {
                place(EXCEPTIONS, at, VECTORS).map_or(Self::Nonsense(at), Self::Exception)
            }
            Exit::Late => Self::Late,
            Exit::Broken(why) => Self::Broken(why),
        }
    }
}

/// What a call is made of beside its function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Arguments {
    /// The integers, of which the seventh lies on the stack.
    pub(super) integers: [u64; 7],
    /// The first floating-point one.
    pub(super) double: f64,
}

/// The call, if there is such a function. What a sim gives as 32 bits may have anything in the upper
/// half of its register; pointers become offsets in the image.
pub(super) fn call(function: u32, arguments: &Arguments) -> Option<Call> {
    let &Arguments { integers, double: value } = arguments;
    let number = |at: usize| integers[at] as u32;
    let (ptr, len) = (offset(integers[0]), number(1));
    let range = |at: usize| (offset(integers[at]), number(at + 1));
    Some(match function {
        places::LOG => Call::Log { level: number(0), ptr: range(1).0, len: range(1).1 },
        places::EVENT_PEEK => Call::EventPeek,
        places::EVENT_NEXT => Call::EventNext { ptr, cap: len },
        places::SEND => {
            let (ptr, len) = range(1);
            Call::Send { player: PlayerId(number(0)), ptr, len, flags: number(3) }
        }
        places::BROADCAST => Call::Broadcast { ptr, len, flags: number(2) },
        places::KICK => Call::Kick { player: PlayerId(number(0)), reason: number(1) as i32 },
        places::HTTP_REQUEST => Call::HttpRequest(FetchCall {
            method: number(0),
            url: range(1),
            headers: range(3),
            body: range(5),
        }),
        places::CONFIG => Call::Config { ptr, cap: len },
        places::RESULT => Call::Result { ptr, len },
        places::GAUGE => Call::Gauge { ptr, len, value },
        places::STATE_WRITE => Call::StateWrite { ptr, len },
        places::STATE_READ => Call::StateRead { ptr, cap: len },
        _ => return None,
    })
}

/// An address as an offset in the image; one outside of it as an offset that no image has.
fn offset(address: u64) -> u32 {
    address.checked_sub(IMAGE_BASE).and_then(|it| it.try_into().ok()).unwrap_or(u32::MAX)
}

/// Tells of a sim that rang by itself.
pub(super) fn nonsense(at: u64) -> String {
    let place = at.wrapping_sub(BELL_PHYSICAL);
    format!("the sim touched its machine's doorbell itself, at {place:#x}, as no call of it does")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_our_code_rings_is_understood_and_nothing_else() {
        let load = |at, len| Rung::from(Exit::Load { at: rings_at(at), len });
        let store = |at, len| Rung::from(Exit::Store { at: rings_at(at), value: 7, len });
        assert_eq!([load(CALLS, 4), load(CALLS + 88, 4)], [Rung::Call(0), Rung::Call(11)]);
        assert_eq!(store(RETURNED, 8), Rung::Returned(7));
        assert_eq!(store(EXCEPTIONS + 8 * 14, 4), Rung::Exception(14));
        let cases = [
            (load(CALLS, 8), CALLS),
            (load(CALLS + 4, 4), CALLS + 4),
            (load(CALLS + 96, 4), CALLS + 96),
            (load(RETURNED, 4), RETURNED),
            (store(CALLS, 4), CALLS),
            (store(RETURNED, 4), RETURNED),
            (store(EXCEPTIONS + 8 * 32, 4), EXCEPTIONS + 8 * 32),
        ];
        for (rung, at) in cases {
            assert_eq!(rung, Rung::Nonsense(rings_at(at)));
        }
        assert_eq!(Rung::from(Exit::Load { at: 5, len: 4 }), Rung::Nonsense(5));
        assert!(nonsense(rings_at(RETURNED)).contains("at 0x800,"));
    }

    #[test]
    fn registers_become_the_call_of_each_function() {
        let at = |offset: u64| IMAGE_BASE + offset;
        let high = |number: u64| 0xabcd_0000_0000 | number;
        let of = |function, integers| {
            let call = call(function, &Arguments { integers, double: 2.5 }).unwrap();
            assert_eq!(call.function().name, HOST_FUNCTIONS[function as usize].name);
            call
        };
        let blob = [at(16), high(4), high(1), 0, 0, 0, 0];
        let (ptr, len) = (16, 4);
        for (function, expected) in [
            (places::EVENT_PEEK, Call::EventPeek),
            (places::EVENT_NEXT, Call::EventNext { ptr, cap: len }),
            (places::BROADCAST, Call::Broadcast { ptr, len, flags: 1 }),
            (places::CONFIG, Call::Config { ptr, cap: len }),
            (places::RESULT, Call::Result { ptr, len }),
            (places::GAUGE, Call::Gauge { ptr, len, value: 2.5 }),
            (places::STATE_WRITE, Call::StateWrite { ptr, len }),
            (places::STATE_READ, Call::StateRead { ptr, cap: len }),
        ] {
            assert_eq!(of(function, blob), expected);
        }
        let one = [high(9), at(16), high(4), high(1), 0, 0, 0];
        let (player, flags) = (PlayerId(9), 1);
        assert_eq!(of(places::LOG, one), Call::Log { level: 9, ptr, len });
        assert_eq!(of(places::SEND, one), Call::Send { player, ptr, len, flags });
        let kick = [9, high(-3_i32 as u32 as u64), 0, 0, 0, 0, 0];
        assert_eq!(of(places::KICK, kick), Call::Kick { player, reason: -3 });
        let request = [high(1), at(2), 3, at(4), 5, at(6), high(7)];
        let fetch = FetchCall { method: 1, url: (2, 3), headers: (4, 5), body: (6, 7) };
        assert_eq!(of(places::HTTP_REQUEST, request), Call::HttpRequest(fetch));
        assert_eq!(call(12, &Arguments { integers: blob, double: 0.0 }), None);
    }

    #[test]
    fn an_address_outside_the_image_stays_outside() {
        for address in [0, IMAGE_BASE - 1, IMAGE_BASE + (1 << 32), u64::MAX] {
            assert_eq!(offset(address), u32::MAX, "{address:#x}");
        }
        assert_eq!(offset(IMAGE_BASE + 5), 5);
    }
}
