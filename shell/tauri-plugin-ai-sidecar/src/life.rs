//! The sidecar's lives: start, `initialize`, work, end, and all over again.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::child::{Child, Happened};
use crate::supervisor::Shared;
use crate::{Crash, Failure, Launch};

/// The major version of the protocol that this plugin speaks.
const MAJOR: &str = "1";
/// The status of a program that does not know its command line.
const WRONG_USAGE: i32 = 2;

/// How one life ended.
enum End {
    OnPurpose,
    Crashed(Crash),
    Hopeless(Failure),
}

/// Keeps a sidecar running until it is stopped or given up.
pub(crate) async fn keep(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let limits = &shared.launch.limits;
    let (mut crashes, mut again) = (0, false);
    loop {
        let begin = Instant::now();
        let crash = match live(&shared, &mut stop, again).await {
            End::OnPurpose => return shared.over(None),
            End::Hopeless(failure) => return shared.over(Some(failure)),
            End::Crashed(crash) => crash,
        };
        crashes = if begin.elapsed() >= limits.settled { 1 } else { crashes + 1 };
        again = true;
        shared.crashed(&crash);
        if crashes >= limits.crashes {
            return shared.over(Some(Failure {
                kind: "closed",
                message: format!(
                    "The sidecar has crashed {crashes} times in a row: {}",
                    crash.message
                ),
                hint: "Look at the end of its stderr, in the app's log; then connect anew.".into(),
            }));
        }
        let pause = limits.pause(crashes);
        shared.restarts(crashes, u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.changed() => return shared.over(None),
        }
    }
}

async fn live(shared: &Shared, stop: &mut watch::Receiver<bool>, again: bool) -> End {
    let launch = &shared.launch;
    let mut child = match Child::spawn(launch) {
        Ok(child) => child,
        Err(error) => return unstartable(&launch.program, &error),
    };
    let hello = tokio::select! {
        hello = timeout(launch.limits.start, initialize(&mut child, launch)) => hello,
        _ = stop.changed() => {
            let _ = child.end(launch.limits.end, |_| {}).await;
            return End::OnPurpose;
        }
    };
    let ready = matches!(hello, Ok(Ok(_)));
    let why = match hello {
        Ok(Ok(version)) => {
            if let Some(input) = child.input().cloned() {
                shared.runs(input, version, again);
            }
            work(shared, &mut child, stop).await
        }
        Ok(Err(Refusal::Hopeless(failure))) => {
            let _ = child.end(launch.limits.end, |_| {}).await;
            return End::Hopeless(failure);
        }
        Ok(Err(Refusal::Happened(happened))) => Some(happened),
        Err(_) => Some(Happened::Broke("The sidecar has not answered `initialize` in time.")),
    };
    let asked = shared.ends();
    let each = |line: &str| shared.received(line);
    let (why, status) = match why {
        Some(Happened::Exited(status)) => (None, status),
        Some(Happened::Broke(why)) => (Some(why), child.end(launch.limits.end, each).await),
        Some(Happened::Read) | None => {
            let _ = child.end(launch.limits.end, each).await;
            child.leftovers(each).await;
            return End::OnPurpose;
        }
    };
    let clean = why.is_none() && status.as_ref().is_ok_and(std::process::ExitStatus::success);
    let crash = child.report(why, status, each).await;
    if asked && clean {
        return End::OnPurpose;
    }
    if crash.exit_code == Some(WRONG_USAGE) && !ready {
        return End::Hopeless(Failure {
            kind: "closed",
            message: format!(
                "The sidecar does not know its command line: {}",
                crash.stderr_tail.trim_end()
            ),
            hint: "Correct `args` in plugins.ai-sidecar, or bundle a newer sidecar.".into(),
        });
    }
    End::Crashed(crash)
}

/// Reads until something happens; none: it shall be stopped.
async fn work(
    shared: &Shared,
    child: &mut Child,
    stop: &mut watch::Receiver<bool>,
) -> Option<Happened> {
    loop {
        let next = async {
            shared.room().await;
            child.next(|line| shared.received(line)).await
        };
        tokio::select! {
            happened = next => match happened {
                Happened::Read => {}
                other => return Some(other),
            },
            _ = stop.changed() => return None,
        }
    }
}

enum Refusal {
    Happened(Happened),
    Hopeless(Failure),
}

const HELLO: &str = "tauri-plugin-ai-sidecar";

#[derive(Deserialize)]
struct Hello {
    id: String,
    result: Option<Welcome>,
}

#[derive(Deserialize)]
struct Welcome {
    protocol_version: String,
}

/// Says hello; the version of the protocol that is answered.
async fn initialize(child: &mut Child, launch: &Launch) -> Result<String, Refusal> {
    let hello = serde_json::json!({
        "jsonrpc": "2.0",
        "id": HELLO,
        "method": "initialize",
        "params": {
            "client": { "name": launch.client_name, "version": launch.client_version },
            "process_id": std::process::id(),
        },
    });
    if let Some(input) = child.input() {
        input.send(hello.to_string());
    }
    let mut answer: Option<Hello> = None;
    while answer.is_none() {
        // nobody else has asked for anything: what is no answer is a notice of the start
        let each = |line: &str| {
            let hello = serde_json::from_str::<Hello>(line).ok().filter(|hello| hello.id == HELLO);
            answer = answer.take().or(hello);
        };
        match child.next(each).await {
            Happened::Read => {}
            other => return Err(Refusal::Happened(other)),
        }
    }
    let Some(Welcome { protocol_version: version }) = answer.and_then(|hello| hello.result) else {
        let why = "The sidecar has refused `initialize`.";
        return Err(Refusal::Happened(Happened::Broke(why)));
    };
    if version.split('.').next() == Some(MAJOR) {
        return Ok(version);
    }
    Err(Refusal::Hopeless(Failure {
        kind: "protocol_version",
        message: format!("The sidecar speaks version {version} of its protocol, this app {MAJOR}."),
        hint: "Bundle a sidecar and a plugin of the same major version.".into(),
    }))
}

fn unstartable(program: &Path, error: &std::io::Error) -> End {
    let message = format!("The sidecar {} can't be started: {error}.", program.display());
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::InvalidInput => {
            End::Hopeless(Failure {
                kind: "closed",
                message,
                hint: "Install the app again. Who builds it: see bundle.externalBin in \
                       tauri.conf.json, and `program` in plugins.ai-sidecar."
                    .into(),
            })
        }
        _ => End::Crashed(Crash {
            message,
            exit_code: None,
            signal: None,
            stderr_tail: String::new(),
        }),
    }
}
