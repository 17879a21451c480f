//! Keeps a sidecar without any window: `no_window PROGRAM [ARGUMENT…]`.
//!
//! It prints what the sidecar sends and sends what it reads, so that the plugin can be tried by
//! hand, and the tests can kill it in all ways. `SIGTERM` ends it in good order.

use std::io::Write;
use std::sync::Arc;

use tauri_plugin_ai_sidecar::{Launch, Message, Outgoing, Page, Supervisor};
use tokio::io::{AsyncBufReadExt, BufReader};

struct Print;

impl Page for Print {
    fn deliver(&self, message: Message) -> bool {
        let mut stdout = std::io::stdout().lock();
        let written = match message {
            Message::Lines(lines) => stdout.write_all(lines.as_bytes()),
            Message::Event(event) => serde_json::to_writer(&mut stdout, &event)
                .map_err(Into::into)
                .and_then(|()| stdout.write_all(b"\n")),
        };
        written.and_then(|()| stdout.flush()).is_ok()
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let terminated = terminated()?;
    tokio::pin!(terminated);
    let mut words = std::env::args_os().skip(1);
    let mut launch = Launch::new(words.next().ok_or("which program?")?);
    launch.args = words.collect();
    let sidecar = Supervisor::new(launch, tokio::runtime::Handle::current());
    let info = sidecar.connect("main", "here", Arc::new(Print)).await?;
    println!("{}", serde_json::to_string(&info)?);

    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) if line == "panic" => panic!("as it was told to"),
                Some(line) => sidecar.send("main", Outgoing::parse(line)?)?,
                None => break,
            },
            () = &mut terminated => break,
        }
    }
    sidecar.stop().await;
    std::process::exit(0); // a thread still reads stdin
}

/// From now on the signal is ours; resolves when it comes.
#[cfg(unix)]
fn terminated() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut signals = signal(SignalKind::terminate())?;
    Ok(async move {
        signals.recv().await;
    })
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)] // as the other one
fn terminated() -> std::io::Result<impl Future<Output = ()>> {
    Ok(std::future::pending())
}
