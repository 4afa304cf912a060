//! A program: an admitted build, made ready to be run many times.

use std::sync::Arc;

use lattice_policies::{Sha256, admission::Admitted};
use thiserror::Error;

use crate::{
    engine::Engine,
    wasm::{Artifacts, Compiled},
};

/// Why an admitted build could not be made ready.
#[derive(Debug, Clone, Error)]
pub enum CompileError {
    #[error("the module can't be compiled: {0}")]
    Compile(String),
    #[error("the module can't be linked: {0}")]
    Link(String),
    #[error("{waiting} modules wait to be compiled already; try again in a moment")]
    Busy { waiting: usize },
}

/// A build that can be run. Cheap to clone; the code lives as long as any clone.
#[derive(Clone)]
pub struct Program {
    engine: Engine,
    sha256: Sha256,
    code: Code,
}

/// What is run of a build.
#[derive(Clone)]
pub(crate) enum Code {
    Wasm(Arc<Compiled>),
}

impl Program {
    /// Takes the compiled code from `artifacts`, if it is there.
    pub(crate) fn load(
        engine: &Engine,
        build: &Admitted,
        artifacts: &Artifacts,
    ) -> Result<Option<Self>, CompileError> {
        let compiled = Compiled::load(engine, build, artifacts)?;
        Ok(compiled.map(|compiled| Self::of(engine, build, Code::Wasm(Arc::new(compiled)))))
    }

    /// Compiles the module, and keeps the code in `artifacts`. Takes time; calls nothing of the
    /// guest's.
    pub(crate) fn compile(
        engine: &Engine,
        build: &Admitted,
        artifacts: &Artifacts,
    ) -> Result<Self, CompileError> {
        let compiled = Compiled::compile(engine, build, artifacts)?;
        Ok(Self::of(engine, build, Code::Wasm(Arc::new(compiled))))
    }

    fn of(engine: &Engine, build: &Admitted, code: Code) -> Self {
        Self { engine: engine.clone(), sha256: build.sha256(), code }
    }

    /// The hash of the module's bytes.
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// Names the engine, its settings and the policy that it runs under.
    pub fn fingerprint(&self) -> Sha256 {
        match &self.code {
            Code::Wasm(_) => self.engine.fingerprint(),
        }
    }

    /// The hash of what is run: of a wasm module, the module with its mutable globals exported.
    pub fn runs(&self) -> Sha256 {
        match &self.code {
            Code::Wasm(compiled) => compiled.sha256(),
        }
    }

    /// Whether all of a sim's state can be taken out and put back.
    pub fn can_snapshot(&self) -> bool {
        match &self.code {
            Code::Wasm(compiled) => compiled.can_snapshot(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn code(&self) -> &Code {
        &self.code
    }
}
