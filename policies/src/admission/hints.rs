//! What a developer most likely meant, and what to change. Only advice: no verdict depends on it.

use crate::{
    functions::{EXPORTS, HOST_FUNCTIONS, IMPORT_MODULE, MEMORY, find},
    nearest::nearest,
};

pub(super) const UNWRAP: &str = "the linker wrapped the exports to run static constructors on \
    every call: include <lattice_managed.h>, which exports _initialize to run them once";
pub(super) const EXPORT_INITIALIZE: &str =
    "export _initialize instead; AssemblyScript: --exportStart _initialize";
pub(super) const BOUND_THE_TABLE: &str = "link without --growable-table";
pub(super) const INCLUDE_HEADER: &str = "include <lattice_managed.h> instead of declaring it";

/// No known name is longer, and finding the nearest takes time by the product of both lengths.
const LONGEST_LIKENESS: usize = 64;
/// Exports that are looked at for a likeness to a missing one.
const MOST_LIKENESSES: usize = 256;

/// Names that are commonly left undefined, and what to do. A `*` in a name stands for
/// anything; the first that fits counts.
const KNOWN_NAMES: [(&str, &str); 18] = [
    ("memory", "define the memory in the module: link without --import-memory"),
    ("__linear_memory", "this is an object file: link it with wasm-ld"),
    (
        "__stack_pointer __memory_base __table_base __indirect_function_table",
        "link a program, without -shared, -pie and --import-table",
    ),
    ("mem* str* bcmp bcopy bzero", "libc: include <string.h>"),
    (
        "malloc calloc realloc free aligned_alloc abs labs qsort bsearch ato* exit _Exit atexit",
        "libc: include <stdlib.h>",
    ),
    ("__assert*", "libc: include <assert.h>"),
    (
        "printf vprintf iprintf puts putchar fprintf fputs fwrite perror snprintf vsnprintf \
         sprintf vsprintf siprintf sniprintf",
        "there is no console: format by snprintf of <stdio.h>, and log by lattice_ms_log",
    ),
    (
        "sin* cos* tan* asin* acos* atan* exp* log* pow powf sqrt* cbrt* hypot* fmod* floor* \
         ceil* trunc* round* rint* fabs* fmin* fmax* fma fmaf ldexp* frexp* modf*",
        "libc: include <math.h>",
    ),
    (
        "rand* srand* arc4random* getrandom getentropy seed",
        "there is no randomness: use the generator of <lattice_managed.h>, seeded by init's seed",
    ),
    (
        "time clock* gettimeofday nanosleep usleep sleep Date.now",
        "there is no clock: time is tick / tick_hz",
    ),
    ("abort", "C: include <stdlib.h>; AssemblyScript: compile with --use abort="),
    ("_Zn* _Zdl* _Zda*", "C++: include <new>"),
    (
        "__cxa_throw __cxa_allocate_exception __cxa_begin_catch _Unwind_* setjmp longjmp \
         __wasm_setjmp* __wasm_longjmp",
        "compile with -fno-exceptions, and without setjmp",
    ),
    ("_ZTVN10__cxxabiv1* __dynamic_cast", "compile with -fno-rtti"),
    ("__cxa_* __dso_handle __wasm_call_ctors", "include <lattice_managed.h>"),
    (
        "system exec* fork getenv fopen open close read write socket connect fd_* path_* \
         environ_* args_* proc_exit",
        "a sim has no operating system: no files, sockets, processes or environment",
    ),
    ("__wbindgen* __wbg_*", "wasm-bindgen needs a browser: build with plain exports"),
    ("emscripten_* invoke_*", "Emscripten's runtime is not there: compile with clang"),
];

/// What an import that is not granted may have been meant to be.
pub(super) fn for_import(module: &str, name: &str) -> Option<String> {
    if find(name).is_some() {
        let elsewhere = module != IMPORT_MODULE;
        return elsewhere.then(|| format!("import it from the module {IMPORT_MODULE}"));
    }
    if module.starts_with("wasi") {
        let hint = "the sandbox has no WASI, so no files, clock or environment: \
            compile with --target=wasm32 -nostdlib";
        return Some(hint.to_owned());
    }
    if module.starts_with("GOT.") {
        return Some("link a program, without -shared and -pie".to_owned());
    }
    for_name(name, "env.")
}

/// The same for a name alone; `prefix` is what a host function's is written with.
pub(super) fn for_name(name: &str, prefix: &str) -> Option<String> {
    let known = KNOWN_NAMES.iter().find(|(names, _)| names.split(' ').any(|one| fits(one, name)));
    known.map(|(_, hint)| (*hint).to_owned()).or_else(|| for_unknown_name(name, prefix))
}

/// Whether a name is the known one; a `*` in that stands for whatever is in its place.
pub(super) fn fits(known: &str, name: &str) -> bool {
    match known.split_once('*') {
        Some((beginning, end)) => {
            name.strip_prefix(beginning).is_some_and(|rest| rest.ends_with(end))
        }
        None => name == known,
    }
}

fn for_unknown_name(name: &str, prefix: &str) -> Option<String> {
    let names = || HOST_FUNCTIONS.iter().map(|function| function.name);
    if let Some(wanted) = names().find(|wanted| is_mangled(name, wanted)) {
        let hint = "C++ mangled the name: include <lattice_managed.h>, which declares";
        return Some(format!("{hint} {wanted}"));
    }
    let near = is_of_surface(name).then(|| nearest(name, names())).flatten();
    near.map(|near| format!("did you mean {prefix}{near}?")).or_else(|| {
        let undefined =
            "no source file of the sim defines it, and the host grants only lattice_ms_*";
        Some(undefined.to_owned())
    })
}

/// Whether a name was meant to be a host function's; any other is the sim's own.
fn is_of_surface(name: &str) -> bool {
    const PREFIX: &str = "lattice_ms";
    name.len() <= LONGEST_LIKENESS
        && name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// What a required export that is missing may have been called instead.
pub(super) fn for_missing_export<'a>(
    missing: &str,
    exports: impl Iterator<Item = &'a str>,
) -> String {
    let known = |name: &str| name == MEMORY || EXPORTS.iter().any(|export| export.name == name);
    let unknown = exports.filter(|name| name.len() <= LONGEST_LIKENESS && !known(name));
    let unknown: Vec<&str> = unknown.take(MOST_LIKENESSES).collect();
    if unknown.iter().any(|name| is_mangled(name, missing)) {
        return "C++ mangled the name: put LATTICE_EXPORT before the function".to_owned();
    }
    if let Some(near) = nearest(missing, unknown) {
        return format!("there is an export {near}: is it the one?");
    }
    let hint = match missing {
        MEMORY => "link without --import-memory",
        "lattice_abi_v1" => "include <lattice_managed.h>, which exports it",
        _ => "put LATTICE_EXPORT before the function",
    };
    hint.to_owned()
}

/// Whether `name` is a C++ function of the plain name, as the Itanium ABI spells it.
fn is_mangled(name: &str, plain: &str) -> bool {
    name.starts_with("_Z") && name.contains(&format!("{}{plain}", plain.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_is_not_granted_is_met_with_what_to_do() {
        for (module, name, advice) in [
            ("env", "strlen", "<string.h>"),
            ("env", "memcpy", "<string.h>"),
            ("env", "malloc", "<stdlib.h>"),
            ("env", "sinf", "<math.h>"),
            ("env", "pow", "<math.h>"),
            ("env", "printf", "lattice_ms_log"),
            ("env", "rand", "generator"),
            ("env", "time", "tick_hz"),
            ("env", "abort", "--use abort="),
            ("env", "_Znwm", "<new>"),
            ("env", "_ZdlPv", "<new>"),
            ("env", "__cxa_throw", "-fno-exceptions"),
            ("env", "__cxa_atexit", "<lattice_managed.h>"),
            ("env", "memory", "--import-memory"),
            ("env", "__stack_pointer", "-shared"),
            ("env", "__linear_memory", "wasm-ld"),
            ("env", "system", "operating system"),
            ("env", "lattice_ms_sned", "did you mean env.lattice_ms_send?"),
            ("env", "Lattice_MS_Log", "did you mean env.lattice_ms_log?"),
            ("env", "_Z14lattice_ms_logiPKci", "lattice_ms_log"),
            ("ENV", "lattice_ms_log", "from the module env"),
            ("wasi_snapshot_preview1", "fd_write", "no WASI"),
            ("GOT.mem", "errno", "-shared"),
        ] {
            let hint = for_import(module, name).unwrap_or_default();
            assert!(hint.contains(advice), "{module}.{name}: {hint:?} lacks {advice:?}");
        }
    }

    #[test]
    fn what_resembles_nothing_is_said_to_be_undefined() {
        for name in ["qux", "lattice_rng_seed", &"lattice_ms_log".repeat(1_000)] {
            let hint = for_import("env", name).unwrap();
            assert!(hint.contains("no source file of the sim defines it"), "{hint}");
        }
        assert_eq!(for_import("env", "lattice_ms_log"), None);
    }

    #[test]
    fn a_missing_export_is_looked_for_among_those_that_are_there() {
        let hint = |exports: &[&'static str]| {
            for_missing_export("lattice_sim_tick", exports.iter().copied())
        };
        assert!(hint(&["lattice_sim_tik"]).contains("lattice_sim_tik:"));
        assert!(hint(&["_Z16lattice_sim_tickx"]).contains("mangled"));
        // A known export in its own right is not what was meant.
        assert!(hint(&["lattice_sim_init", "memory"]).contains("LATTICE_EXPORT"));
    }
}
