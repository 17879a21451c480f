//! Who ends whom: nothing is left, however the app ends. On Linux, since it looks at /proc.
#![cfg(target_os = "linux")]

mod common;

use std::process::Stdio;

use common::processes::{children, gone, kill, status};
use common::{PATIENCE, example};
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// An app without a window, and its sidecar.
struct App {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    sidecar: u32,
}

impl App {
    /// Starts it, and waits until the sidecar runs.
    async fn start(args: &[&str]) -> Self {
        let mut command = Command::new(example("no_window"));
        command.arg(example("fake_sidecar")).args(args).kill_on_drop(true);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let info = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        assert!(info.contains("protocol_version"), "{info}");
        let found = children(process.id().unwrap());
        let [sidecar] = found[..] else { panic!("{found:?}") };
        Self { process, lines, sidecar }
    }

    fn id(&self) -> u32 {
        self.process.id().unwrap()
    }

    async fn line(&mut self) -> String {
        timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap().unwrap()
    }

    async fn send(&mut self, line: &str) {
        let stdin = self.process.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Waits for its end; nothing of it is left then.
    async fn ended(mut self) -> std::process::ExitStatus {
        let ended = timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap();
        gone(self.sidecar).await;
        assert_eq!(status(self.sidecar, "State"), None);
        ended
    }
}

#[tokio::test]
async fn the_end_of_the_app_ends_the_sidecar() {
    let mut app = App::start(&[]).await;
    drop(app.process.stdin.take());
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn a_sidecar_that_does_not_end_is_killed() {
    let app = App::start(&["hang-at-exit"]).await;
    kill(app.id(), Signal::TERM);
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn what_a_killed_sidecar_has_started_is_killed_with_it() {
    let app = App::start(&["hang-at-exit", "worker"]).await;
    let found = children(app.sidecar);
    let [worker] = found[..] else { panic!("{found:?}") };
    kill(app.id(), Signal::TERM);
    assert!(app.ended().await.success());
    gone(worker).await;
}

#[tokio::test]
async fn sigterm_sigkill_and_a_panic_of_the_app_end_the_sidecar() {
    for signal in [Signal::TERM, Signal::INT, Signal::KILL, Signal::SEGV] {
        let app = App::start(&[]).await;
        kill(app.id(), signal);
        app.ended().await;
    }
    let mut app = App::start(&[]).await;
    app.send("panic").await;
    assert!(!app.ended().await.success());
}

#[tokio::test]
async fn a_sidecar_that_is_killed_is_there_again_and_the_old_one_gone() {
    let mut app = App::start(&[]).await;
    for restarts in 1..=3 {
        let former = app.sidecar;
        kill(former, Signal::KILL);
        assert!(app.line().await.contains(r#""signal":"SIGKILL""#));
        assert!(app.line().await.contains(r#""event":"restarting""#));
        assert!(app.line().await.ends_with(&format!(r#""restarts":{restarts}}}"#)));
        let found = children(app.id());
        assert_eq!(found.len(), 1, "{found:?}");
        app.sidecar = found[0];
        assert_ne!(app.sidecar, former);
        assert_eq!(status(former, "State"), None);
    }
    kill(app.id(), Signal::KILL);
    app.ended().await;
}

#[tokio::test]
async fn no_other_process_of_the_app_holds_the_lifeline() {
    let sidecar = common::supervisor(common::fake(&[]));
    let _window = common::Window::connect(&sidecar, "a", "a1").await;
    let mut other = Command::new("cat").stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let pipes = |pid: String| -> Vec<_> {
        let held = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let each = held.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok());
        each.filter(|path| path.to_str().is_some_and(|path| path.starts_with("pipe:"))).collect()
    };
    let program = example("fake_sidecar");
    let runs_it =
        |pid: &u32| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
    let fakes: Vec<_> = children(std::process::id()).into_iter().filter(runs_it).collect();
    assert!(!fakes.is_empty());
    for fake in fakes {
        let Ok(lifeline) = std::fs::read_link(format!("/proc/{fake}/fd/0")) else { continue };
        assert!(!pipes(other.id().unwrap().to_string()).contains(&lifeline));
    }
    other.kill().await.unwrap();
    sidecar.stop().await;
}
