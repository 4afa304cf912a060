//! A program: an admitted build, made ready to be run many times.

use std::sync::Arc;

use lattice_policies::{
    Sha256,
    admission::{Admitted, NativeModule, Packaging},
};
use thiserror::Error;

use crate::{
    engine::Engine,
    native::{Library, Tier},
    wasm::{Artifacts, Compiled},
};

/// Why an admitted build could not be made ready.
#[derive(Debug, Clone, Error)]
pub enum CompileError {
    #[error("the module can't be compiled: {0}")]
    Compile(String),
    #[error("the module can't be linked: {0}")]
    Link(String),
    #[error("{0}")]
    Tier(String),
    #[error("{waiting} modules wait to be compiled already; try again in a moment")]
    Busy { waiting: usize },
}

/// A build that can be run. Cheap to clone; the code lives as long as any clone.
#[derive(Clone)]
pub struct Program {
    ready: Arc<Ready>,
}

struct Ready {
    engine: Engine,
    sha256: Sha256,
    code: Code,
}

/// What is run of a build.
pub(crate) enum Code {
    Wasm(Arc<Compiled>),
    Native(Native),
}

/// A native module that is laid out, and the tier that it runs in.
pub(crate) struct Native {
    pub(crate) library: Arc<Library>,
    pub(crate) tier: Arc<Tier>,
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

    /// Lays a native module out, for a tier that is ready.
    pub(crate) fn lay_out(
        engine: &Engine,
        build: &Admitted,
        module: &NativeModule,
        tier: &Arc<Tier>,
    ) -> Result<Self, CompileError> {
        tier.check().map_err(CompileError::Tier)?;
        let library = Library::new(module, build.bytes(), build.sha256(), engine.policy())
            .map_err(|error| CompileError::Compile(error.to_string()))?;
        let native = Native { library: Arc::new(library), tier: Arc::clone(tier) };
        Ok(Self::of(engine, build, Code::Native(native)))
    }

    fn of(engine: &Engine, build: &Admitted, code: Code) -> Self {
        let (engine, sha256) = (engine.clone(), build.sha256());
        Self { ready: Arc::new(Ready { engine, sha256, code }) }
    }

    pub fn packaging(&self) -> Packaging {
        match &self.ready.code {
            Code::Wasm(_) => Packaging::Wasm,
            Code::Native(_) => Packaging::Native,
        }
    }

    /// The hash of the module's bytes.
    pub fn sha256(&self) -> Sha256 {
        self.ready.sha256
    }

    /// Names the engine, its settings and the policy that it runs under.
    pub fn fingerprint(&self) -> Sha256 {
        match &self.ready.code {
            Code::Wasm(_) => self.ready.engine.fingerprint(),
            Code::Native(_) => self.ready.engine.native_fingerprint(),
        }
    }

    /// The hash of what is run: of a native module, the module itself; of a wasm module, the module
    /// with its mutable globals exported.
    pub fn runs(&self) -> Sha256 {
        match &self.ready.code {
            Code::Wasm(compiled) => compiled.sha256(),
            Code::Native(native) => native.library.sha256(),
        }
    }

    /// Whether all of a sim's state can be taken out and put back.
    pub fn can_snapshot(&self) -> bool {
        match &self.ready.code {
            Code::Wasm(compiled) => compiled.can_snapshot(),
            Code::Native(_) => true,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.ready.engine
    }

    pub(crate) fn code(&self) -> &Code {
        &self.ready.code
    }
}
