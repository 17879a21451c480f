//! The real sidecar, from its source in this repository: `AI_SIDECAR_PYTHON` names a Python that has
//! what it needs (`.venv/bin/python`; scripts/test sets it).
#![cfg(target_os = "linux")]

mod common;

use std::path::PathBuf;

use common::processes::{children, gone, kill};
use common::{Window, repository, supervisor};
use rustix::process::Signal;
use serde_json::{Value, json};
use tauri_plugin_ai_sidecar::{Event, Launch, Supervisor};

/// A home that goes with it.
struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A sidecar on a home of its own; none where there is no Python.
fn real(name: &str) -> Option<(Supervisor, Home)> {
    let named = std::env::var_os("AI_SIDECAR_PYTHON").or_else(|| std::env::var_os("PYTHON"));
    let Some(python) = named else {
        let reason = "the real sidecar is not tested: AI_SIDECAR_PYTHON names no Python";
        assert!(std::env::var_os("AI_SIDECAR_NO_SKIPS").is_none(), "{reason}");
        eprintln!("SKIPPED: {reason}");
        return None;
    };
    let home = Home(std::env::temp_dir().join(format!("ai-sidecar-{name}-{}", std::process::id())));
    let root = repository();
    let mut launch = Launch::new("/usr/bin/env"); // a package in this folder, whatever is installed
    let path = format!("PYTHONPATH={}", root.display());
    let scripts = root.join("protocol/sessions/scripted");
    launch.args = vec![path.into(), python, "-m".into(), "sidecar".into()];
    launch.args.extend(["--home".into(), home.0.clone().into()]);
    launch.args.extend(["--scripted".into(), scripts.into()]);
    Some((supervisor(launch), home))
}

fn request(model: &str, execution: &str) -> Value {
    let messages = json!([{ "role": "user", "content": "Hello?" }]);
    json!({ "provider": "scripted", "execution_id": execution, "request": { "model": model, "messages": messages } })
}

/// The text of a stream, from its chunks up to its end, which has to have the same.
async fn text(window: &mut Window, execution: &str) -> String {
    let mut text = String::new();
    for seq in 1.. {
        let Value::Object(params) = window.line().await["params"].take() else { panic!() };
        assert_eq!((&params["execution_id"], &params["seq"]), (&json!(execution), &json!(seq)));
        let Some(chunk) = params.get("chunk") else {
            assert_eq!(params["response"]["content"], text);
            break;
        };
        text += chunk["content"].as_str().unwrap_or_default();
    }
    text
}

#[tokio::test]
async fn it_is_asked_and_streams_and_is_stopped() {
    let Some((sidecar, _home)) = real("streams") else { return };
    let mut window = Window::connect(&sidecar, "main", "m").await;
    assert_eq!(window.ask("m-1", "ping", json!({})).await["result"], json!({}));
    window.ask("m-2", "stream_ai_provider", request("hello", "e1")).await;
    assert_eq!(text(&mut window, "e1").await, "Hello!");
    window.ask("m-3", "stream_ai_provider", request("endless", "e2")).await;
    assert_eq!(window.line().await["params"]["chunk"]["content"], "Once upon a time");
    window.send("m-4", "cancel_execution", json!({ "execution_id": "e2" }));
    let mut last = [window.line().await, window.line().await]; // in either order
    last.sort_by_key(|line| line.get("id").is_some());
    assert_eq!(last[0]["params"]["finish_reason"], "cancelled");
    assert_eq!(last[1]["result"]["cancelled"], true);
    sidecar.stop().await;
    assert_eq!(window.event().await, Event::Stopped);
}

#[tokio::test]
async fn two_windows_hear_their_own_streams_alone() {
    let Some((sidecar, _home)) = real("windows") else { return };
    let mut a = Window::connect(&sidecar, "a", "a").await;
    let mut b = Window::connect(&sidecar, "b", "b").await;
    a.send("a-1", "stream_ai_provider", request("hello", "of-a"));
    b.send("b-1", "stream_ai_provider", request("hello", "of-b"));
    for (window, execution) in [(&mut a, "of-a"), (&mut b, "of-b")] {
        assert_eq!(window.line().await["result"]["execution_id"], execution);
        assert_eq!(text(window, execution).await, "Hello!");
    }
    sidecar.stop().await;
}

#[tokio::test]
async fn a_reloaded_page_finds_its_stream_and_hears_its_end() {
    let Some((sidecar, _home)) = real("reload") else { return };
    let mut page = Window::connect(&sidecar, "main", "one").await;
    page.ask("1", "stream_ai_provider", request("endless", "e")).await;
    assert_eq!(page.line().await["params"]["seq"], 1);
    let mut page = Window::connect(&sidecar, "main", "two").await;
    let found = page.ask("2", "list_executions", json!({})).await;
    assert_eq!(found["result"]["executions"][0]["execution_id"], "e");
    let so_far = page.ask("3", "attach_execution", json!({ "execution_id": "e" })).await;
    assert_eq!(so_far["result"]["response"]["content"], "Once upon a time");
    page.send("4", "cancel_execution", json!({ "execution_id": "e" }));
    let mut last = [page.line().await, page.line().await];
    last.sort_by_key(|line| line.get("id").is_some());
    assert_eq!(last[0]["params"]["seq"], 2);
    sidecar.stop().await;
}

#[tokio::test]
async fn killed_while_it_streams_it_is_reported_started_again_and_works() {
    let Some((sidecar, home)) = real("killed") else { return };
    let mut window = Window::connect(&sidecar, "main", "m").await;
    window.ask("m-1", "stream_ai_provider", request("endless", "e")).await;
    let home = home.0.to_str().unwrap();
    let ours = |pid: &u32| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.contains(home))
    };
    let found: Vec<_> = children(std::process::id()).into_iter().filter(ours).collect();
    let [pid] = found[..] else { panic!("{found:?}") };
    kill(pid, Signal::KILL);
    let Event::Crashed(crash) = window.event().await else { panic!() };
    assert_eq!((crash.exit_code, crash.signal.as_deref()), (None, Some("SIGKILL")));
    gone(pid).await;
    assert!(matches!(window.event().await, Event::Restarting { attempt: 1, .. }));
    assert_eq!(
        window.event().await,
        Event::Started { protocol_version: "1.0".into(), restarts: 1 }
    );
    window.ask("m-2", "stream_ai_provider", request("hello", "e")).await;
    assert_eq!(text(&mut window, "e").await, "Hello!");
    sidecar.stop().await;
}
