//! What a module says of itself: imports, exports, and the calls in its functions. Runs nothing.

use std::collections::BTreeMap;

use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef};

#[derive(Default)]
pub(crate) struct Facts {
    /// `module.name` of each import, in order.
    pub(crate) imports: Vec<String>,
    /// Exported functions, by name, as indices.
    pub(crate) exports: BTreeMap<String, u32>,
    /// The instructions of each function that the module defines, `call`s as `call 7`.
    bodies: Vec<Vec<String>>,
    imported_functions: u32,
}

impl Facts {
    pub(crate) fn of(wasm: &[u8]) -> Facts {
        let mut facts = Facts::default();
        for payload in Parser::new(0).parse_all(wasm) {
            facts.take(payload.unwrap());
        }
        facts
    }

    fn take(&mut self, payload: Payload<'_>) {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.unwrap();
                    self.imported_functions += u32::from(matches!(import.ty, TypeRef::Func(_)));
                    self.imports.push(format!("{}.{}", import.module, import.name));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.unwrap();
                    if export.kind == ExternalKind::Func {
                        self.exports.insert(export.name.to_owned(), export.index);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(instructions(&body)),
            _ => {}
        }
    }

    /// The instructions of an exported function.
    pub(crate) fn body(&self, export: &str) -> &[String] {
        &self.bodies[(self.exports[export] - self.imported_functions) as usize]
    }

    /// How many functions call the one with this index.
    pub(crate) fn callers(&self, index: u32) -> usize {
        let call = format!("call {index}");
        self.bodies.iter().filter(|body| body.contains(&call)).count()
    }

    /// The only function that `_initialize` calls: the static constructors.
    pub(crate) fn constructors(&self) -> u32 {
        let calls: Vec<&String> =
            self.body("_initialize").iter().filter(|op| op.starts_with("call ")).collect();
        assert_eq!(calls.len(), 1, "_initialize calls the constructors and nothing else");
        calls[0]["call ".len()..].parse().unwrap()
    }
}

fn instructions(body: &FunctionBody<'_>) -> Vec<String> {
    let text = |operator: Operator<'_>| match operator {
        Operator::Call { function_index } => format!("call {function_index}"),
        Operator::End => "end".to_owned(),
        Operator::Return => "return".to_owned(),
        other => format!("{other:?}"),
    };
    body.get_operators_reader().unwrap().into_iter().map(|op| text(op.unwrap())).collect()
}
