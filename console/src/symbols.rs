//! What lies at an address of a sim's memory, in the names that its module has: exported data, the
//! name section's data segments (`.data`), and the stack.
//!
//! A guess where the linker left no name: `-Wl,--export=NAME` leaves one. Never reads a memory.

use std::{collections::BTreeMap, ops::Range};

use lattice_policies::escape::guest_text;
use wasmparser::{
    BinaryReaderError, ConstExpr, DataKind, ExternalKind, KnownCustom, Name, NameMap, Operator,
    Parser, Payload, TypeRef,
};

/// The nearest name to an address, such as `scores+0x10`; `None` where the module names nothing.
pub fn nearest(wasm: &[u8], address: u32) -> Option<String> {
    Symbols::of(wasm).nearest(address)
}

/// The names that a module has for its memory and its globals.
#[derive(Debug, Default)]
pub struct Symbols {
    segments: Vec<Segment>,
    /// Addresses of exported data.
    data: BTreeMap<u32, String>,
    /// By the globals' numbers.
    globals: BTreeMap<u32, String>,
    /// The numbers of the globals that change.
    mutable: Vec<u32>,
    /// Where the stack begins, from which it grows down.
    stack: Option<u32>,
}

/// A stretch of memory that the module fills when it starts.
#[derive(Debug)]
struct Segment {
    at: Range<u32>,
    name: Option<String>,
}

const STACK_POINTER: &str = "__stack_pointer";
/// Characters of a name that are shown.
const NAME_CHARS: usize = 64;

impl Symbols {
    /// Reads a module's names. What cannot be read is missing.
    pub fn of(wasm: &[u8]) -> Self {
        let mut found = Found::default();
        // The module was admitted, or the caller is told elsewhere what is wrong with it.
        let _ = found.read(wasm);
        found.symbols()
    }

    /// The nearest name to an address, such as `scores+0x10`.
    pub fn nearest(&self, address: u32) -> Option<String> {
        let here = self.segment(address);
        let symbol = self.data.range(..=address).next_back();
        // A symbol has no size: what lies in another stretch of memory is not its.
        let symbol = symbol.filter(|(at, _)| self.stretch(**at) == self.stretch(address));
        if let Some((at, name)) = symbol {
            return Some(offset(name, address - at));
        }
        if let Some(Segment { at, name }) = here {
            return name.as_ref().map(|name| offset(name, address - at.start));
        }
        if let Some(stack) = self.stack.filter(|stack| self.is_on_stack(address, *stack)) {
            return Some(format!("the stack, {:#x} below its top", stack - address));
        }
        let before = self.segments.iter().rfind(|segment| segment.at.end <= address)?;
        let behind = address - before.at.end;
        Some(format!("{behind:#x} behind {}: .bss or the heap", before.name.as_ref()?))
    }

    /// The number of the global that has this place among the mutable ones, from 0 on, and its name.
    pub fn mutable_global(&self, place: usize) -> (u32, Option<&str>) {
        let number = self.mutable.get(place).copied().unwrap_or(place as u32);
        (number, self.globals.get(&number).map(String::as_str))
    }

    fn segment(&self, address: u32) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.at.contains(&address))
    }

    /// Tells stretches apart: the number of segments that end before it, and whether it is in one.
    fn stretch(&self, address: u32) -> (usize, bool) {
        let before = self.segments.iter().filter(|segment| segment.at.end <= address).count();
        (before, self.segment(address).is_some())
    }

    /// A stack that the linker put first ends where the data begin; another lies behind all data.
    fn is_on_stack(&self, address: u32, stack: u32) -> bool {
        let is_first = self.segments.first().is_none_or(|first| first.at.start >= stack);
        is_first && address < stack
    }
}

fn offset(name: &str, by: u32) -> String {
    match by {
        0 => name.to_owned(),
        _ => format!("{name}+{by:#x}"),
    }
}

/// What a walk over a module came across.
#[derive(Default)]
struct Found {
    imported_globals: u32,
    /// What the module's own globals begin with, if that is a number, and whether they change.
    globals: Vec<(Option<u32>, bool)>,
    exported: Vec<(u32, String)>,
    segments: BTreeMap<u32, Range<u32>>,
    segment_names: BTreeMap<u32, String>,
    global_names: BTreeMap<u32, String>,
}

impl Found {
    fn read(&mut self, wasm: &[u8]) -> Result<(), BinaryReaderError> {
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let is_global = matches!(import?.ty, TypeRef::Global(_));
                        self.imported_globals += u32::from(is_global);
                    }
                }
                Payload::GlobalSection(globals) => {
                    for global in globals {
                        let global = global?;
                        self.globals.push((number(&global.init_expr), global.ty.mutable));
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Global {
                            self.exported.push((export.index, shown(export.name)));
                        }
                    }
                }
                Payload::DataSection(segments) => {
                    for (index, segment) in (0..).zip(segments) {
                        let segment = segment?;
                        let DataKind::Active { offset_expr, .. } = segment.kind else { continue };
                        let Some(start) = number(&offset_expr) else { continue };
                        let end = start.saturating_add(segment.data.len() as u32);
                        self.segments.insert(index, start..end);
                    }
                }
                Payload::CustomSection(custom) => {
                    if let KnownCustom::Name(names) = custom.as_known() {
                        names.into_iter().try_for_each(|names| self.names(names?))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn names(&mut self, names: Name<'_>) -> Result<(), BinaryReaderError> {
        match names {
            Name::Global(names) => read_names(names, &mut self.global_names),
            Name::Data(names) => read_names(names, &mut self.segment_names),
            _ => Ok(()),
        }
    }

    /// A global's first value, and whether it changes.
    fn global(&self, index: u32) -> Option<(u32, bool)> {
        let own = index.checked_sub(self.imported_globals)?;
        let (value, is_mutable) = *self.globals.get(own as usize)?;
        Some((value?, is_mutable))
    }

    fn symbols(mut self) -> Symbols {
        let is_stack = |(index, name): (&u32, &String)| {
            (name == STACK_POINTER).then(|| self.global(*index)).flatten()
        };
        let stack = self.global_names.iter().find_map(is_stack).map(|(top, _)| top);
        // Data are exported as globals that never change and hold the address.
        let constant = |(index, name): &(u32, String)| match self.global(*index)? {
            (address, false) => Some((address, name.clone())),
            (_, true) => None,
        };
        let data = self.exported.iter().filter_map(constant).collect();
        let name = |index| self.segment_names.get(index).cloned();
        let segments = self.segments.iter();
        let segments = segments.map(|(index, at)| Segment { at: at.clone(), name: name(index) });
        let mut segments: Vec<_> = segments.collect();
        segments.sort_by_key(|segment| segment.at.start);
        for (index, name) in self.exported {
            self.global_names.entry(index).or_insert(name);
        }
        let globals = (self.imported_globals..).zip(&self.globals);
        let mutable = globals.filter(|(_, (_, is_mutable))| *is_mutable).map(|(index, _)| index);
        Symbols { segments, data, mutable: mutable.collect(), globals: self.global_names, stack }
    }
}

/// The value of an expression that is one number.
fn number(expression: &ConstExpr<'_>) -> Option<u32> {
    let mut operators = expression.get_operators_reader();
    match (operators.read().ok()?, operators.read().ok()?) {
        (Operator::I32Const { value }, Operator::End) => Some(value as u32),
        _ => None,
    }
}

fn read_names(names: NameMap<'_>, to: &mut BTreeMap<u32, String>) -> Result<(), BinaryReaderError> {
    for naming in names {
        let naming = naming?;
        to.insert(naming.index, shown(naming.name));
    }
    Ok(())
}

fn shown(name: &str) -> String {
    guest_text(name.as_bytes(), NAME_CHARS)
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    const SOURCE: &str = r#"
static volatile const char text[] = "hello";
volatile int table[4] = {1, 2, 3, 4};
static volatile int unnamed[4] = {1, 2, 3, 4};
volatile int counters[100];
static volatile int hidden[50];
__attribute__((export_name("get"))) int get(int i) {
    volatile int on_stack[8];
    on_stack[i] = i;
    return table[i] + unnamed[i] + counters[i] + hidden[i] + text[i] + on_stack[1];
}
__attribute__((export_name("address"))) volatile void *address(void) { return hidden; }
"#;

    fn built(flags: &[&str]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let [source, module] = ["sim.c", "sim.wasm"].map(|name| folder.path().join(name));
        fs::write(&source, SOURCE).unwrap();
        let mut clang = Command::new("clang");
        clang.args(["--target=wasm32", "-nostdlib", "-Wl,--no-entry", "-O2", "-o"]);
        let status = clang.arg(&module).arg(&source).args(flags).status();
        assert!(status.expect("`make tools` installs clang").success());
        fs::read(module).unwrap()
    }

    #[test]
    fn exported_data_are_named_and_the_rest_by_segment() {
        let wasm = built(&["-Wl,--export=table,--export=counters"]);
        let symbols = Symbols::of(&wasm);
        let at = |symbol: &str| *symbols.data.iter().find(|(_, name)| *name == symbol).unwrap().0;
        let (table, counters) = (at("table"), at("counters"));
        assert_eq!(symbols.nearest(table).unwrap(), "table");
        assert_eq!(symbols.nearest(table + 12).unwrap(), "table+0xc");
        assert_eq!(symbols.nearest(counters + 396).unwrap(), "counters+0x18c");
        let text = symbols.segments[0].at.start;
        assert_eq!(
            symbols.nearest(text + 2).unwrap(),
            ".rodata+0x2",
            "a table behind it is not it"
        );
        assert_eq!(nearest(&wasm, table + 1), symbols.nearest(table + 1));
    }

    #[test]
    fn without_exports_there_are_segments_what_is_behind_them_and_the_stack() {
        let symbols = Symbols::of(&built(&["-Wl,--stack-first"]));
        assert!(symbols.data.is_empty());
        let [rodata, data] = &symbols.segments[..] else { panic!("{symbols:?}") };
        assert_eq!(symbols.nearest(data.at.start + 4).unwrap(), ".data+0x4");
        assert_eq!(symbols.nearest(rodata.at.start).unwrap(), ".rodata");
        let behind = symbols.nearest(data.at.end + 8).unwrap();
        assert_eq!(behind, "0x8 behind .data: .bss or the heap");
        let stack = symbols.stack.unwrap();
        assert_eq!(symbols.nearest(stack - 16).unwrap(), "the stack, 0x10 below its top");
        assert_eq!(symbols.mutable_global(0), (0, Some("__stack_pointer")));
        assert_eq!(symbols.mutable_global(1), (1, None));
    }

    #[test]
    fn a_module_that_names_nothing_gets_no_name() {
        let bare = wat::parse_str(r#"(module (memory 1) (data (i32.const 8) "data"))"#).unwrap();
        assert_eq!(nearest(&bare, 9), None);
        assert_eq!(nearest(&bare, 900), None);
        assert_eq!(nearest(b"no module", 9), None);
        let mutable = r#"(module (memory 1) (global i32 (i32.const 8))
            (global (export "score") (mut i32) (i32.const 8)))"#;
        let symbols = Symbols::of(&wat::parse_str(mutable).unwrap());
        assert_eq!(symbols.nearest(8), None, "a global that changes holds no address");
        assert_eq!(symbols.mutable_global(0), (1, Some("score")));
    }
}
