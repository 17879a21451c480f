use std::path::PathBuf;

use serde::Deserialize;

use crate::AllowList;

/// `plugins.ai-sidecar` of `tauri.conf.json`. Every field may be left out.
///
/// ```
/// let config: tauri_plugin_ai_sidecar::Config = serde_json::from_str(
///     r#"{
///         "worker": "ai-sidecar-llama/ai-sidecar-llama",
///         "methods": { "settings": ["*", "set_api_key"], "*": ["*"] }
///     }"#,
/// )?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The sidecar's name among `bundle.externalBin`; it lies beside the app's own program.
    /// `ai-sidecar` where this and `resource` are left out.
    pub program: Option<String>,
    /// Instead: its path in the resource folder, like `ai-sidecar/ai-sidecar`.
    pub resource: Option<PathBuf>,
    /// Instead, and in debug builds alone: a command, like `["python3", "-m", "sidecar"]`.
    pub command: Option<Vec<String>>,
    /// The path of the program for local models in the resource folder; handed on as `--worker`.
    /// Looked at in a command's place, too, and left out where it does not exist.
    pub worker: Option<PathBuf>,
    /// The sidecar's home folder, handed on as `--home`. A relative path begins in the app's data
    /// folder. `ai-sidecar` where it is left out: two apps never share one.
    pub home: Option<PathBuf>,
    /// Further arguments.
    pub args: Vec<String>,
    /// Which window may use which methods.
    pub methods: AllowList,
}
