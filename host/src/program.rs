//! A program: an admitted module, compiled and linked, ready to be instantiated many times.

use std::sync::Arc;

use lattice_policies::{Sha256, admission::Admitted};
use thiserror::Error;
use wasmtime::{InstancePre, Module};

use crate::{
    artifacts::Artifacts,
    calls,
    engine::Engine,
    guest::GuestState,
    rewrite::{Rewritten, rewrite},
};

/// Why an admitted module could not be compiled.
#[derive(Debug, Clone, Error)]
pub enum CompileError {
    #[error("the module can't be compiled: {0}")]
    Compile(String),
    #[error("the module can't be linked: {0}")]
    Link(String),
    #[error("{waiting} modules wait to be compiled already; try again in a moment")]
    Busy { waiting: usize },
}

/// A compiled module. Cheap to clone; the code lives as long as any clone.
#[derive(Clone)]
pub struct Program {
    linked: Arc<Linked>,
}

struct Linked {
    pre: InstancePre<GuestState>,
    sha256: Sha256,
    engine: Engine,
    code: Code,
}

/// What was compiled of a module.
struct Code {
    sha256: Sha256,
    /// The exports of its mutable globals.
    globals: Vec<String>,
    shift: isize,
    can_snapshot: bool,
}

impl Code {
    fn of(build: &Admitted) -> Result<(Self, Vec<u8>), CompileError> {
        let Rewritten { wasm, globals, code_shift } = rewrite(build.bytes()).map_err(|error| {
            CompileError::Compile(format!("its sections can't be read again: {error}"))
        })?;
        let can_snapshot = build.facts().replay_only.is_empty();
        Ok((Self { sha256: Sha256::of(&wasm), globals, shift: code_shift, can_snapshot }, wasm))
    }
}

impl Program {
    /// Takes the compiled code from `artifacts`, if it is there.
    pub(crate) fn load(
        engine: &Engine,
        build: &Admitted,
        artifacts: &Artifacts,
    ) -> Result<Option<Self>, CompileError> {
        let Some(module) = artifacts.load(engine, build.sha256()) else { return Ok(None) };
        let (code, _) = Code::of(build)?;
        Self::link(engine, build, code, &module).map(Some)
    }

    /// Compiles the module, and keeps the code in `artifacts`. Takes time; calls nothing of the
    /// guest's.
    pub(crate) fn compile(
        engine: &Engine,
        build: &Admitted,
        artifacts: &Artifacts,
    ) -> Result<Self, CompileError> {
        let (code, wasm) = Code::of(build)?;
        let module = Module::from_binary(engine.wasmtime(), &wasm)
            .map_err(|error| CompileError::Compile(format!("{error:#}")))?;
        artifacts.keep(engine, build.sha256(), &module);
        Self::link(engine, build, code, &module)
    }

    fn link(
        engine: &Engine,
        build: &Admitted,
        code: Code,
        module: &Module,
    ) -> Result<Self, CompileError> {
        let pre = calls::linker(engine)
            .and_then(|linker| linker.instantiate_pre(module))
            .map_err(|error| CompileError::Link(format!("{error:#}")))?;
        let (sha256, engine) = (build.sha256(), engine.clone());
        Ok(Self { linked: Arc::new(Linked { pre, sha256, engine, code }) })
    }

    /// The hash of the module's bytes.
    pub fn sha256(&self) -> Sha256 {
        self.linked.sha256
    }

    /// Names the engine, its settings and the policy that it was compiled under.
    pub fn fingerprint(&self) -> Sha256 {
        self.linked.engine.fingerprint()
    }

    /// The hash of what was compiled: the module with its mutable globals exported.
    pub fn runs(&self) -> Sha256 {
        self.linked.code.sha256
    }

    /// Whether all of a sim's state can be taken out and put back.
    pub fn can_snapshot(&self) -> bool {
        self.linked.code.can_snapshot
    }

    /// The exports of the mutable globals.
    pub(crate) fn globals(&self) -> &[String] {
        &self.linked.code.globals
    }

    /// How much further on the compiled code stands than in the module.
    pub(crate) fn code_shift(&self) -> isize {
        self.linked.code.shift
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.linked.engine
    }

    pub(crate) fn pre(&self) -> &InstancePre<GuestState> {
        &self.linked.pre
    }
}
