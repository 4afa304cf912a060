//! What to change in a native module's build. Only advice: no verdict depends on it.

use crate::{
    admission::hints::{fits, for_name},
    functions::find,
};

/// Names that only native compilers leave undefined, and what to do; as in the table for all.
const KNOWN_NAMES: [(&str, &str); 7] = [
    ("__tls_get_addr", NO_THREADS),
    ("__stack_chk_fail __stack_chk_guard", "compile with -fno-stack-protector"),
    ("__*_chk", "compile with -U_FORTIFY_SOURCE"),
    ("__gmon_start__ _ITM_* __cxa_finalize", "link with -nostdlib"),
    (
        "__udivti3 __umodti3 __divti3 __modti3 __mulodi4 __*tf2 __*tf3 __*xf2 __*xf3",
        "there is no compiler runtime: no division of 128-bit integers, no _Float128",
    ),
    ("__errno_location", "libc: include <errno.h> of the sims' headers"),
    ("_GLOBAL_OFFSET_TABLE_", LINK_THE_OBJECT),
];

pub(super) const NO_THREADS: &str =
    "a sim has one thread: make it a plain static, without thread_local and __thread";
pub(super) const COMPILE_FOR_IT: &str =
    "compile for it: clang --target=x86_64-linux-gnu -shared -nostdlib -fPIC";
pub(super) const LINK_SHARED: &str = "link with -shared -nostdlib";
pub(super) const LINK_THE_OBJECT: &str = "this is an object file: link it with -shared";
pub(super) const NO_PROGRAM: &str = "this is a program: compile with -fPIC and link with -shared";
pub(super) const NO_LIBRARY: &str = "link with -nostdlib: the sims' headers have what there is of libc, and there is no other library";
pub(super) const NO_EXECUTABLE_STACK: &str = "link with -Wl,-z,noexecstack";
pub(super) const SEPARATE_CODE: &str = "link with -Wl,-z,separate-code, and without -Wl,--omagic";
pub(super) const POSITION_INDEPENDENT: &str = "compile every source file with -fPIC";
pub(super) const PLAIN_RELOCATIONS: &str =
    "link with -Wl,-z,nopack-relative-relocs, and without -Wl,--pack-dyn-relocs";
pub(super) const NO_IFUNC: &str =
    "write it without the attributes ifunc and target_clones: a sim runs alike on every machine";
pub(super) const INIT_ARRAY: &str =
    "static constructors stand in .init_array, where compilers put them: name no function _init";

/// A hint that is always the same.
pub(super) fn say(hint: &'static str) -> impl FnOnce() -> Option<String> {
    || Some(hint.to_owned())
}

/// What a symbol that nobody defines may have been meant to be.
pub(super) fn for_symbol(name: &str) -> Option<String> {
    if find(name).is_some() {
        return None;
    }
    let known = KNOWN_NAMES.iter().find(|(names, _)| names.split(' ').any(|one| fits(one, name)));
    known.map(|(_, hint)| (*hint).to_owned()).or_else(|| for_name(name, ""))
}
