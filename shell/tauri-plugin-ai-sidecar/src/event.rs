use serde::Serialize;

/// What a page is told on its channel. The two are told apart by their JSON type.
///
/// ```
/// use tauri_plugin_ai_sidecar::{Event, Message};
///
/// let event = Message::Event(Event::Restarting { attempt: 1, delay_ms: 250 });
/// let text = serde_json::to_string(&event)?;
/// assert_eq!(text, r#"{"event":"restarting","attempt":1,"delay_ms":250}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Message {
    /// A string: lines of the sidecar's stdout, as they came, each ended by `\n`.
    Lines(String),
    /// An object. It keeps its place among the lines.
    Event(Event),
}

/// What happened to the sidecar's process, or to the connection.
///
/// A request is lost when its page is told `crashed` before its answer: everything that was under
/// way is, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// It ended, and nobody had asked it to.
    Crashed(Crash),
    /// It will be started again after a pause.
    Restarting {
        /// Counts from 1, anew when it has run well for a while.
        attempt: u32,
        /// The pause.
        delay_ms: u64,
    },
    /// It was started again and takes requests.
    Started {
        /// The version of the protocol that it speaks, `MAJOR.MINOR`.
        protocol_version: String,
        /// How often it was started again since the app's start.
        restarts: u32,
    },
    /// It can't be started; the connection has ended. The next `connect` tries anew.
    Failed(Failure),
    /// It was ended on purpose; the connection has ended.
    Stopped,
    /// The window has connected anew; this channel's last word.
    Replaced,
}

/// How a sidecar died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Crash {
    /// What happened, for people.
    pub message: String,
    /// The exit status; none where a signal ended it.
    pub exit_code: Option<i32>,
    /// The name of the signal that ended it, like `SIGKILL`.
    pub signal: Option<String>,
    /// The end of its stderr, 4,096 characters at most.
    pub stderr_tail: String,
}

/// Why there is no sidecar, and why another try at once would not help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The stable word: `protocol_version` or `closed`.
    pub kind: &'static str,
    /// What happened, for people.
    pub message: String,
    /// What to do, for people.
    pub hint: String,
}

/// What `connect` answers, when the sidecar runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Info {
    /// The version of this plugin.
    pub plugin_version: &'static str,
    /// The version of the protocol that the sidecar speaks, `MAJOR.MINOR`.
    pub protocol_version: String,
    /// How often it was started again since the app's start.
    pub restarts: u32,
}
