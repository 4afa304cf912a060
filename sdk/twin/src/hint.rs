//! The likely cause of a difference, where its bytes tell. A guess, and worded as one.

/// Steps between two floats that a last bit of a function's result explains.
const LAST_BITS: u64 = 4;

const NAN: &str = "a NaN's sign bit: hardware gives an invalid operation another NaN than wasm. \
                   Test for NaN, or make it canonical, before it is sent";
const CHAR: &str = "a plain char above 0x7f, which is negative in wasm: compile the native program \
                    with -fsigned-char, or write int8_t or uint8_t";
const LAST_BIT: &str = "the last bits of a float: another libm, a fused multiply-add \
                        (-ffp-contract=off), or x87. Use the functions of lattice_math.h";

/// What two payloads say of why they differ from that byte on.
pub(crate) fn hint(wasm: &[u8], native: &[u8], offset: usize) -> Option<&'static str> {
    if is_number_of_chars(wasm, native) {
        return Some(CHAR);
    }
    let checks: [(Check, &str); 3] = [(is_nan_sign, NAN), (is_last_bit, LAST_BIT), (is_char, CHAR)];
    let found = checks.into_iter().find(|(check, _)| any_window(wasm, native, offset, *check));
    found.map(|(_, hint)| hint)
}

/// Two numbers of 4 or 8 bytes, as bits.
type Check = fn(u64, u64, usize) -> bool;

/// Whether the check holds for some number that has the differing byte, wherever it begins.
fn any_window(wasm: &[u8], native: &[u8], offset: usize, check: Check) -> bool {
    [8, 4].into_iter().any(|size| {
        (offset.saturating_sub(size - 1)..=offset).any(|start| {
            let number = |bytes: &[u8]| Some(little_endian(bytes.get(start..start + size)?));
            number(wasm).zip(number(native)).is_some_and(|(ours, theirs)| check(ours, theirs, size))
        })
    })
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn is_nan(bits: u64, size: usize) -> bool {
    if size == 4 { f32::from_bits(bits as u32).is_nan() } else { f64::from_bits(bits).is_nan() }
}

fn is_nan_sign(wasm: u64, native: u64, size: usize) -> bool {
    let sign = 1 << (size * 8 - 1);
    wasm ^ native == sign && is_nan(wasm, size)
}

/// Two floats of an ordinary size that are neighbours, nearly.
fn is_last_bit(wasm: u64, native: u64, size: usize) -> bool {
    let is_ordinary = |bits: u64| {
        let value = match size {
            4 => f64::from(f32::from_bits(bits as u32)),
            _ => f64::from_bits(bits),
        };
        (1e-9..1e12).contains(&value.abs())
    };
    wasm != native && wasm.abs_diff(native) <= LAST_BITS && is_ordinary(wasm) && is_ordinary(native)
}

/// The same byte, once with its sign and once without.
fn is_char(wasm: u64, native: u64, size: usize) -> bool {
    let signed = |bits: u64| if size == 4 { i64::from(bits as i32) } else { bits as i64 };
    is_signed_once(signed(wasm), signed(native))
}

fn is_signed_once(wasm: i64, native: i64) -> bool {
    (-128..0).contains(&wasm) && native.checked_sub(wasm) == Some(256)
}

/// Two texts of which one number differs, as by a char's sign.
fn is_number_of_chars(wasm: &[u8], native: &[u8]) -> bool {
    let words = |bytes| -> Option<Vec<i64>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let is_number = |c: char| c.is_ascii_digit() || c == '-';
        Some(text.split(|c| !is_number(c)).filter_map(|word| word.parse().ok()).collect())
    };
    let (Some(wasm), Some(native)) = (words(wasm), words(native)) else { return false };
    let mut pairs = wasm.iter().zip(&native);
    let first = pairs.find(|(ours, theirs)| ours != theirs);
    first.is_some_and(|(ours, theirs)| is_signed_once(*ours, *theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wasm: &[u8], native: &[u8]) -> Option<&'static str> {
        let offset = wasm.iter().zip(native).take_while(|(ours, theirs)| ours == theirs).count();
        hint(wasm, native, offset)
    }

    #[test]
    fn a_nan_s_sign_is_seen_in_both_sizes_at_any_place() {
        let quiet = 0x7ff8_0000_0000_0000_u64;
        let double = |bits: u64| [&b"xyz"[..], &bits.to_le_bytes(), b"z"].concat();
        assert_eq!(of(&double(quiet), &double(quiet | 1 << 63)), Some(NAN));
        let (plus, minus) = (0x7fc0_0000_u32.to_le_bytes(), 0xffc0_0000_u32.to_le_bytes());
        assert_eq!(of(&plus, &minus), Some(NAN));
    }

    #[test]
    fn neighbouring_floats_are_the_last_bit() {
        let next = f64::from_bits(0.1_f64.to_bits() + 1);
        assert_eq!(of(&0.1_f64.to_le_bytes(), &next.to_le_bytes()), Some(LAST_BIT));
        let next = f32::from_bits(3.5_f32.to_bits() - 1);
        assert_eq!(of(&3.5_f32.to_le_bytes(), &next.to_le_bytes()), Some(LAST_BIT));
    }

    #[test]
    fn a_char_is_seen_in_numbers_and_in_texts() {
        assert_eq!(of(&(-3_i32).to_le_bytes(), &253_i32.to_le_bytes()), Some(CHAR));
        assert_eq!(of(b"sum -3 of 7", b"sum 253 of 7"), Some(CHAR));
    }

    #[test]
    fn what_tells_nothing_gets_no_hint() {
        assert_eq!(of(b"abcd", b"abce"), None);
        assert_eq!(of(&7_i32.to_le_bytes(), &8_i32.to_le_bytes()), None);
        assert_eq!(of(&1.5_f64.to_le_bytes(), &2.5_f64.to_le_bytes()), None);
        assert_eq!(of(b"", b"x"), None);
    }
}
