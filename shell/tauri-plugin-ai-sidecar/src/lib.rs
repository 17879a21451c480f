#![doc = include_str!("../README.md")]

mod allow;
mod builder;
mod child;
mod commands;
mod config;
mod error;
mod event;
mod exit;
#[cfg(windows)]
mod job;
mod launch;
mod life;
mod lines;
mod message;
mod outbox;
mod pages;
mod program;
mod routes;
mod supervisor;

pub use allow::AllowList;
pub use builder::Builder;
pub use config::Config;
pub use error::Error;
pub use event::{Crash, Event, Failure, Info, Message};
pub use launch::{Launch, Limits};
pub use message::Outgoing;
pub use outbox::Page;
pub use supervisor::Supervisor;

use tauri::Runtime;
use tauri::plugin::TauriPlugin;

/// Makes the plugin as `plugins.ai-sidecar` in `tauri.conf.json` says, or else as is usual.
///
/// The [`Supervisor`] is in the app's state: `app.state::<Supervisor>()`.
///
/// ```no_run
/// fn add_to<R: tauri::Runtime>(app: tauri::Builder<R>) -> tauri::Builder<R> {
///     app.plugin(tauri_plugin_ai_sidecar::init())
/// }
/// ```
#[must_use]
pub fn init<R: Runtime>() -> TauriPlugin<R, Option<Config>> {
    Builder::new().build()
}
