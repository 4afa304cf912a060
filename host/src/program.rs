//! A program: an admitted module, compiled and linked, ready to be instantiated many times.

use lattice_policies::{Sha256, admission::Admitted};
use thiserror::Error;
use wasmtime::{InstancePre, Module};

use crate::{artifacts::Artifacts, calls, engine::Engine, guest::GuestState};

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
    pre: InstancePre<GuestState>,
    sha256: Sha256,
    engine: Engine,
}

impl Program {
    /// Takes the compiled code from `artifacts`, if it is there.
    pub(crate) fn load(
        engine: &Engine,
        build: &Admitted,
        artifacts: &Artifacts,
    ) -> Result<Option<Self>, CompileError> {
        let module = artifacts.load(engine, build.sha256());
        module.map(|module| Self::link(engine, build, &module)).transpose()
    }

    /// Compiles the module, and keeps the code in `artifacts`. Takes time; calls nothing of the
    /// guest's.
    pub(crate) fn compile(
        engine: &Engine,
        build: &Admitted,
        artifacts: &Artifacts,
    ) -> Result<Self, CompileError> {
        let module = Module::from_binary(engine.wasmtime(), build.wasm())
            .map_err(|error| CompileError::Compile(format!("{error:#}")))?;
        artifacts.keep(engine, build.sha256(), &module);
        Self::link(engine, build, &module)
    }

    fn link(engine: &Engine, build: &Admitted, module: &Module) -> Result<Self, CompileError> {
        let pre = calls::linker(engine)
            .and_then(|linker| linker.instantiate_pre(module))
            .map_err(|error| CompileError::Link(format!("{error:#}")))?;
        Ok(Self { pre, sha256: build.sha256(), engine: engine.clone() })
    }

    /// The hash of the module's bytes.
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// Names the engine, its settings and the policy that it was compiled under.
    pub fn fingerprint(&self) -> Sha256 {
        self.engine.fingerprint()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn pre(&self) -> &InstancePre<GuestState> {
        &self.pre
    }
}
