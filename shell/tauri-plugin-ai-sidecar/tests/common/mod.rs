//! What the tests of whole sidecars share.
#![allow(dead_code)] // each test uses some of it

#[cfg(target_os = "linux")]
pub mod processes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tauri_plugin_ai_sidecar::{Error, Event, Info, Launch, Message, Outgoing, Page, Supervisor};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Nothing takes longer, on a busy machine either.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A program that `cargo test` has built from `examples/`.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().parent().unwrap().join("examples");
    let program = built.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{}: run all of `cargo test`, which builds it", program.display());
    program
}

/// The fake sidecar; it is restarted at once.
pub fn fake(args: &[&str]) -> Launch {
    let mut launch = Launch::new(example("fake_sidecar"));
    launch.args = args.iter().map(Into::into).collect();
    launch.limits.first_pause = Duration::from_millis(1);
    launch.limits.longest_pause = Duration::from_millis(4);
    launch
}

pub fn supervisor(launch: Launch) -> Supervisor {
    Supervisor::new(launch, Handle::current())
}

struct Sink(mpsc::UnboundedSender<Message>);

impl Page for Sink {
    fn deliver(&self, message: Message) -> bool {
        self.0.send(message).is_ok()
    }
}

/// One page of one window.
pub struct Window {
    sidecar: Supervisor,
    pub label: String,
    messages: mpsc::UnboundedReceiver<Message>,
    /// Lines of a batch that were not looked at yet.
    lines: std::collections::VecDeque<Value>,
}

impl Window {
    pub async fn connect(sidecar: &Supervisor, label: &str, connection: &str) -> Self {
        Self::try_connect(sidecar, label, connection).await.unwrap().0
    }

    pub async fn try_connect(
        sidecar: &Supervisor,
        label: &str,
        connection: &str,
    ) -> Result<(Self, Info), Error> {
        let (sink, messages) = mpsc::unbounded_channel();
        let connected = sidecar.connect(label, connection, Arc::new(Sink(sink)));
        let info = timeout(PATIENCE, connected).await.expect("an answer in time")?;
        let (sidecar, label) = (sidecar.clone(), label.to_owned());
        Ok((Self { sidecar, label, messages, lines: std::collections::VecDeque::new() }, info))
    }

    pub fn try_send(&self, message: &Value) -> Result<(), Error> {
        self.sidecar.send(&self.label, Outgoing::parse(message.to_string())?)
    }

    #[allow(clippy::needless_pass_by_value)] // it reads better where it is called
    pub fn send(&self, id: &str, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.try_send(&message).unwrap();
    }

    /// Sends a request and passes over what comes before its answer.
    pub async fn ask(&mut self, id: &str, method: &str, params: Value) -> Value {
        self.send(id, method, params);
        loop {
            let line = self.line().await;
            if line["id"] == id {
                return line;
            }
        }
    }

    /// The next line; no event may come before it.
    pub async fn line(&mut self) -> Value {
        match self.next().await {
            Some(Ok(line)) => line,
            other => panic!("{other:?} in the place of a line"),
        }
    }

    /// The next event; lines before it are passed over.
    pub async fn event(&mut self) -> Event {
        loop {
            match self.next().await.expect("an event") {
                Ok(_) => {}
                Err(event) => return event,
            }
        }
    }

    /// The next line or event; none where the connection has ended.
    pub async fn next(&mut self) -> Option<Result<Value, Event>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(Ok(line));
            }
            match timeout(PATIENCE, self.messages.recv()).await.expect("a message in time")? {
                Message::Event(event) => return Some(Err(event)),
                Message::Lines(text) => {
                    assert!(text.ends_with('\n'));
                    self.lines.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
                }
            }
        }
    }
}

pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
