//! The compiler's flags that a sim must not have: those by which the module and the native program
//! would differ.

/// A flag, or how a family of them begins, and why it is refused.
const REFUSED: [(&str, &str); 25] = [
    ("-ffast-math", ROUNDS),
    ("-Ofast", ROUNDS),
    ("-funsafe-math-optimizations", ROUNDS),
    ("-fassociative-math", ROUNDS),
    ("-freciprocal-math", ROUNDS),
    ("-fapprox-func", ROUNDS),
    ("-fno-signed-zeros", ROUNDS),
    ("-ffinite-math-only", NAN),
    ("-fno-honor-nans", NAN),
    ("-fno-honor-infinities", NAN),
    ("-ffp-contract=fast", FUSES),
    ("-ffp-contract=on", FUSES),
    ("-ffp-model=fast", FUSES),
    ("-ffp-model=aggressive", FUSES),
    ("-ffp-model=precise", FUSES),
    ("-fsingle-precision-constant", "it makes doubles floats"),
    ("-mfpmath=387", X87),
    ("-mno-sse", X87),
    ("-funsigned-char", CHAR),
    ("-fno-signed-char", CHAR),
    ("-fno-wrapv", WRAPS),
    ("-fstrict-overflow", WRAPS),
    ("-ftrapv", WRAPS),
    ("-stdlib=libstdc++", "the module's C++ library is libc++, and another one sorts otherwise"),
    ("@", "what a file of flags says cannot be checked; write them out"),
];

const ROUNDS: &str = "it lets each compiler round in its own way";
const NAN: &str = "it lets each compiler treat NaN and infinity in its own way";
const FUSES: &str = "it fuses a*b+c, which then rounds once where wasm rounds twice";
const X87: &str = "x87 computes in another precision than wasm";
const CHAR: &str = "plain char is signed in wasm";
const WRAPS: &str = "signed integers wrap in both programs";

/// The compiler's macros by which lattice_managed.h refuses the same flags.
const CHECKED_MACROS: [&str; 11] = [
    "__FAST_MATH__",
    "__FINITE_MATH_ONLY__",
    "__ASSOCIATIVE_MATH__",
    "__RECIPROCAL_MATH__",
    "__NO_SIGNED_ZEROS__",
    "__FLT_EVAL_METHOD__",
    "__CHAR_UNSIGNED__",
    "__BYTE_ORDER__",
    "__FP_FAST_FMA",
    "__FP_FAST_FMAF",
    "__FMA__",
];

/// Why a word of the command line is refused, if it is.
pub(super) fn refusal(word: &str) -> Option<String> {
    let flag = REFUSED.iter().find(|(flag, _)| begins_with(word, flag));
    if let Some((_, why)) = flag {
        return Some(format!("{word} would break the equality of the two programs: {why}"));
    }
    let defined = ["-D", "-U"].iter().find_map(|flag| word.strip_prefix(flag)).unwrap_or(word);
    let name = defined.split(['=', '(']).next().unwrap_or(defined);
    if name.starts_with("_LIBCPP_") && !name.starts_with("_LIBCPP_ENABLE_") {
        return Some(format!(
            "{word} would change libc++, whose compiled part is as it is in the two programs"
        ));
    }
    CHECKED_MACROS.contains(&name).then(|| {
        format!("{word} would hide from lattice_managed.h what it checks: leave {name} as it is")
    })
}

/// Whether the flag stands for no program in the sandbox: it goes to the native one alone.
pub(super) fn is_native_only(word: &str) -> bool {
    word.starts_with("-fsanitize") || word.starts_with("-fno-sanitize")
}

fn begins_with(word: &str, flag: &str) -> bool {
    if flag == "@" { word.starts_with('@') } else { word == flag }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_is_refused_with_its_reason() {
        for (flag, why) in REFUSED {
            assert!(refusal(flag).is_some_and(|said| said.contains(why)), "{flag}");
        }
        assert!(refusal("@flags.txt").is_some());
    }

    #[test]
    fn a_macro_that_is_checked_is_left_alone() {
        for word in [
            "-U__CHAR_UNSIGNED__",
            "-D__FAST_MATH__=0",
            "__FINITE_MATH_ONLY__",
            "-D_LIBCPP_DEBUG=1",
        ] {
            assert!(refusal(word).is_some(), "{word}");
        }
    }

    #[test]
    fn what_breaks_nothing_is_let_through() {
        for word in [
            "-O3",
            "-g",
            "-DPLAYERS=4",
            "-ffp-contract=off",
            "-fsigned-char",
            "-mavx2",
            "-D_LIBCPP_ENABLE_ASSERTIONS",
        ] {
            assert_eq!(refusal(word), None, "{word}");
        }
        assert!(is_native_only("-fsanitize=address,undefined") && !is_native_only("-g"));
    }
}
