use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::Failure;

/// Why a command was refused. A window gets it as the contract's error object, `{code, message,
/// data: {kind, hint}}`, with the code 0 since no sidecar made it: `kind` is the stable word,
/// `message` says what happened and `hint` what to do.
///
/// ```
/// use tauri_plugin_ai_sidecar::Error;
///
/// let error = Error::NotAllowed { window: "help".into(), method: "set_api_key".into() };
/// assert_eq!(error.kind(), "not_allowed");
/// assert_eq!(error.to_string(), "The window `help` may not use `set_api_key`.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The window's list does not have the method; nothing of the line was sent.
    #[error("The window `{window}` may not use `{method}`.")]
    NotAllowed {
        /// The label of the window.
        window: String,
        /// The method that was refused.
        method: String,
    },
    /// The line is no JSON-RPC message that the sidecar would take.
    #[error("{0}")]
    Malformed(&'static str),
    /// This page has not connected, or another took its place.
    #[error("This page is not connected to the sidecar.")]
    NotConnected,
    /// The sidecar does not run just now.
    #[error("The sidecar does not run.")]
    Down,
    /// The sidecar can't be started.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The sidecar takes its input too slowly.
    #[error("The sidecar has not read yet what was sent before: {0} bytes wait.")]
    Busy(usize),
    /// The plugin's configuration can't be used.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// The stable word for what sort of thing happened.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotAllowed { .. } => "not_allowed",
            Self::Malformed(_) => "malformed",
            Self::NotConnected | Self::Down => "closed",
            Self::Failed(failure) => failure.kind,
            Self::Busy(_) => "busy",
            Self::Config(_) => "config",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::NotAllowed { .. } => {
                "Name the method in the window's list, plugins.ai-sidecar.methods in \
                 tauri.conf.json, or give its capability a permission like \
                 ai-sidecar:allow-set-api-key."
            }
            Self::Malformed(_) => "This is a bug of the program in the window.",
            Self::NotConnected => "Connect first: plugin:ai-sidecar|connect.",
            Self::Down => "Wait for the event `started`, or connect anew.",
            Self::Failed(failure) => &failure.hint,
            Self::Busy(_) => "Try again in a moment.",
            Self::Config(_) => "Correct plugins.ai-sidecar in tauri.conf.json.",
        }
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = serde_json::json!({ "kind": self.kind(), "hint": self.hint() });
        let mut object = serializer.serialize_struct("Error", 3)?;
        object.serialize_field("code", &0)?;
        object.serialize_field("message", &self.to_string())?;
        object.serialize_field("data", &data)?;
        object.end()
    }
}
