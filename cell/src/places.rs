//! The host functions' places in `HOST_FUNCTIONS`, by which records and asks name them.

pub const LOG: u32 = 0;
pub const EVENT_PEEK: u32 = 1;
pub const EVENT_NEXT: u32 = 2;
pub const SEND: u32 = 3;
pub const BROADCAST: u32 = 4;
pub const KICK: u32 = 5;
pub const HTTP_REQUEST: u32 = 6;
pub const CONFIG: u32 = 7;
pub const RESULT: u32 = 8;
pub const GAUGE: u32 = 9;
pub const STATE_WRITE: u32 = 10;
pub const STATE_READ: u32 = 11;

#[cfg(test)]
mod tests {
    use lattice_policies::functions::{self, HOST_FUNCTIONS, HostFunction};

    use super::*;

    #[test]
    fn the_places_are_the_tables() {
        let expected: [(u32, &HostFunction); 12] = [
            (LOG, &functions::LOG),
            (EVENT_PEEK, &functions::EVENT_PEEK),
            (EVENT_NEXT, &functions::EVENT_NEXT),
            (SEND, &functions::SEND),
            (BROADCAST, &functions::BROADCAST),
            (KICK, &functions::KICK),
            (HTTP_REQUEST, &functions::HTTP_REQUEST),
            (CONFIG, &functions::CONFIG),
            (RESULT, &functions::RESULT),
            (GAUGE, &functions::GAUGE),
            (STATE_WRITE, &functions::STATE_WRITE),
            (STATE_READ, &functions::STATE_READ),
        ];
        assert_eq!(expected.len(), HOST_FUNCTIONS.len());
        for (place, function) in expected {
            assert_eq!(HOST_FUNCTIONS[place as usize].name, function.name);
        }
    }
}
