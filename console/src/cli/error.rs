//! Why a command did not do what was asked, in one line, and the exit code that says so to scripts.
//! Never prints.

use std::{io, path::PathBuf, process::ExitCode};

use thiserror::Error;

use super::client::ClientError;

/// A command's failure. The text is complete: what is wrong, and what would be right.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// What was typed, or a configuration file, cannot be right.
    #[error("{0}")]
    Usage(String),
    #[error("{}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    /// The verdict is no; the reasons are already on stdout.
    #[error("it was refused")]
    Refused,
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Serve(#[from] crate::serve::ServeError),
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error("{0}")]
    Failed(String),
    /// Whoever read our output has closed it; that is no failure.
    #[error("stdout is closed")]
    OutputClosed,
    #[error("stdout: {0}")]
    Output(io::Error),
}

impl CliError {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        CliError::Usage(message.into())
    }

    /// Any other part's error, whose text names the thing.
    #[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
    pub(crate) fn failed(cause: impl ToString) -> Self {
        CliError::Failed(cause.to_string())
    }

    pub(crate) fn unreadable(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| CliError::Unreadable { path, cause }
    }

    /// Whether there is nothing left to say of it.
    pub(crate) fn is_told(&self) -> bool {
        matches!(self, CliError::Refused | CliError::OutputClosed)
    }

    /// 0 done, 1 failed or refused, 2 bad usage, configuration or unreadable input.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            CliError::OutputClosed => ExitCode::SUCCESS,
            CliError::Usage(_) | CliError::Unreadable { .. } | CliError::Config(_) => {
                ExitCode::from(2)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

impl From<io::Error> for CliError {
    fn from(cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::BrokenPipe => CliError::OutputClosed,
            _ => CliError::Output(cause),
        }
    }
}
