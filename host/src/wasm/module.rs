//! A module that the scan admitted, compiled and linked, and the facts about it that its instances
//! need.

use lattice_policies::{Sha256, admission::Admitted};
use wasmtime::{InstancePre, Module};

use super::{
    artifacts::Artifacts,
    calls,
    instance::GuestState,
    rewrite::{Rewritten, rewrite},
};
use crate::{engine::Engine, program::CompileError};

/// A compiled module.
pub(crate) struct Compiled {
    pre: InstancePre<GuestState>,
    facts: Facts,
}

/// What was compiled of a module.
struct Facts {
    sha256: Sha256,
    /// The exports of its mutable globals.
    globals: Vec<String>,
    code_shift: isize,
    can_snapshot: bool,
}

impl Facts {
    fn of(build: &Admitted) -> Result<(Self, Vec<u8>), CompileError> {
        let Rewritten { wasm, globals, code_shift } = rewrite(build.bytes()).map_err(|error| {
            CompileError::Compile(format!("its sections can't be read again: {error}"))
        })?;
        let can_snapshot = build.facts().replay_only.is_empty();
        Ok((Self { sha256: Sha256::of(&wasm), globals, code_shift, can_snapshot }, wasm))
    }
}

impl Compiled {
    /// Takes the compiled code from `artifacts`, if it is there.
    pub(crate) fn load(
        engine: &Engine,
        build: &Admitted,
        artifacts: &Artifacts,
    ) -> Result<Option<Self>, CompileError> {
        let Some(module) = artifacts.load(engine, build.sha256()) else { return Ok(None) };
        let (facts, _) = Facts::of(build)?;
        Self::link(engine, facts, &module).map(Some)
    }

    /// Compiles the module, and keeps the code in `artifacts`. Takes time; calls nothing of the
    /// guest's.
    pub(crate) fn compile(
        engine: &Engine,
        build: &Admitted,
        artifacts: &Artifacts,
    ) -> Result<Self, CompileError> {
        let (facts, wasm) = Facts::of(build)?;
        let module = Module::from_binary(engine.wasmtime(), &wasm)
            .map_err(|error| CompileError::Compile(format!("{error:#}")))?;
        artifacts.keep(engine, build.sha256(), &module);
        Self::link(engine, facts, &module)
    }

    fn link(engine: &Engine, facts: Facts, module: &Module) -> Result<Self, CompileError> {
        let pre = calls::linker(engine)
            .and_then(|linker| linker.instantiate_pre(module))
            .map_err(|error| CompileError::Link(format!("{error:#}")))?;
        Ok(Self { pre, facts })
    }

    /// The hash of what was compiled: the module with its mutable globals exported.
    pub(crate) fn sha256(&self) -> Sha256 {
        self.facts.sha256
    }

    pub(crate) fn can_snapshot(&self) -> bool {
        self.facts.can_snapshot
    }

    /// The exports of the mutable globals.
    pub(super) fn globals(&self) -> &[String] {
        &self.facts.globals
    }

    /// How much further on the compiled code stands than in the module.
    pub(super) fn code_shift(&self) -> isize {
        self.facts.code_shift
    }

    pub(super) fn pre(&self) -> &InstancePre<GuestState> {
        &self.pre
    }
}
