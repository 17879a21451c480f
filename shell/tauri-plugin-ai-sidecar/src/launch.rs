use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What is started, and on whose behalf.
///
/// ```no_run
/// use tauri_plugin_ai_sidecar::Launch;
///
/// let mut launch = Launch::new("/opt/app/ai-sidecar");
/// launch.args = vec!["--home".into(), "/home/ada/.local/share/app/ai-sidecar".into()];
/// ```
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The name of the app, which `initialize` tells the sidecar.
    pub client_name: String,
    /// The version of the app.
    pub client_version: String,
    /// How long to wait for what.
    pub limits: Limits,
}

impl Launch {
    /// Starts a program without arguments, for a client without a name.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            client_name: env!("CARGO_PKG_NAME").to_owned(),
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
            limits: Limits::default(),
        }
    }
}

/// How long to wait for what, and how much to take.
///
/// ```
/// use std::time::Duration;
/// use tauri_plugin_ai_sidecar::Limits;
///
/// let limits = Limits::default();
/// assert_eq!(limits.pause(1), Duration::from_millis(250));
/// assert_eq!(limits.pause(2), Duration::from_millis(500));
/// assert_eq!(limits.pause(99), Duration::from_secs(30));
/// ```
#[derive(Debug, Clone)]
pub struct Limits {
    /// For the answer to `initialize`. Generous: a virus scanner reads a new program first.
    pub start: Duration,
    /// For the end, once stdin is closed; then it is killed.
    pub end: Duration,
    /// Before the first restart; each further one waits twice as long.
    pub first_pause: Duration,
    /// The longest wait before a restart.
    pub longest_pause: Duration,
    /// Who ran so long has run well: its crash counts as the first.
    pub settled: Duration,
    /// So many crashes in a row, and it is given up.
    pub crashes: u32,
    /// The longest line of the sidecar's. Beyond it the sidecar is ended and started anew.
    pub line_bytes: usize,
    /// So much may wait for a sidecar that does not read.
    pub queued_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(30),
            end: Duration::from_secs(2),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(30),
            settled: Duration::from_secs(60),
            crashes: 8,
            line_bytes: 32 * 1024 * 1024,
            queued_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// The pause before a restart; the first crash in a row is 1.
    #[must_use]
    pub fn pause(&self, crash: u32) -> Duration {
        let doubled = 1_u32.checked_shl(crash.saturating_sub(1)).filter(|times| *times != 0);
        let pause = doubled.and_then(|times| self.first_pause.checked_mul(times));
        pause.unwrap_or(self.longest_pause).min(self.longest_pause)
    }
}
