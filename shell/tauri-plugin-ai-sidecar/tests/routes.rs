//! Which window gets what, shown with a sidecar that says what it is told to.

mod common;

use common::{Window, fake, supervisor};
use serde_json::{Value, json};
use tauri_plugin_ai_sidecar::{Error, Event, Supervisor};

fn chunk(execution: &str, seq: u32) -> Value {
    let params = json!({ "execution_id": execution, "seq": seq, "chunk": { "content": "x" } });
    json!({ "jsonrpc": "2.0", "method": "ai_stream_chunk", "params": params })
}

fn end(execution: &str, seq: u32) -> Value {
    let params = json!({ "execution_id": execution, "seq": seq, "finish_reason": "stop" });
    json!({ "jsonrpc": "2.0", "method": "ai_stream_end", "params": params })
}

async fn two(sidecar: &Supervisor) -> (Window, Window) {
    (Window::connect(sidecar, "a", "a1").await, Window::connect(sidecar, "b", "b1").await)
}

/// What the sidecar says when the window tells it to.
fn say(window: &Window, id: &str, message: Value) {
    window.send(id, "fake.notify", message);
}

#[tokio::test]
async fn answers_go_to_who_asked_and_streams_to_who_started_them() {
    let sidecar = supervisor(fake(&[]));
    let (mut a, mut b) = two(&sidecar).await;
    a.send("a-1", "stream_ai_provider", json!({ "execution_id": "of-a" }));
    assert_eq!(a.line().await["id"], "a-1");
    say(&b, "b-1", chunk("of-a", 1));
    say(&b, "b-2", end("of-a", 2));
    say(&b, "b-3", chunk("of-a", 3)); // nobody's any more
    say(&b, "b-4", chunk("of-nobody", 1));
    for id in ["b-1", "b-2", "b-3", "b-4"] {
        assert_eq!(b.line().await["id"], id);
    }
    assert_eq!(a.line().await, chunk("of-a", 1));
    assert_eq!(a.line().await, end("of-a", 2));
    assert_eq!(a.ask("a-2", "echo", json!({})).await["id"], "a-2");
    sidecar.stop().await;
}

#[tokio::test]
async fn who_attaches_hears_it_from_then_on_beside_who_started_it() {
    let sidecar = supervisor(fake(&[]));
    let (mut a, mut b) = two(&sidecar).await;
    a.ask("a-1", "stream_ai_provider", json!({ "execution_id": "e" })).await;
    say(&a, "a-2", chunk("e", 1));
    assert_eq!(a.line().await, chunk("e", 1));
    assert_eq!(a.line().await["id"], "a-2");
    b.ask("b-1", "attach_execution", json!({ "execution_id": "e", "state": "streaming" })).await;
    say(&a, "a-3", end("e", 2));
    assert_eq!(b.line().await, end("e", 2));
    assert_eq!(a.line().await, end("e", 2));
    sidecar.stop().await;
}

#[tokio::test]
async fn naming_the_execution_of_another_window_gives_nothing_of_it() {
    let sidecar = supervisor(fake(&[]));
    let (mut a, mut b) = two(&sidecar).await;
    a.ask("a-1", "stream_ai_provider", json!({ "execution_id": "e" })).await;
    let taken = json!({ "code": -32602, "message": "It is in use." });
    b.send("b-1", "call_ai_provider", json!({ "execution_id": "e", "error": taken }));
    b.send("b-2", "cancel_execution", json!({ "execution_id": "e" }));
    say(&b, "b-3", chunk("e", 1));
    for id in ["b-1", "b-2", "b-3"] {
        assert_eq!(b.line().await["id"], id);
    }
    assert_eq!(a.line().await, chunk("e", 1));
    sidecar.stop().await;
}

#[tokio::test]
async fn what_names_no_execution_goes_to_all_windows() {
    let sidecar = supervisor(fake(&[]));
    let (mut a, mut b) = two(&sidecar).await;
    let changed = json!({ "jsonrpc": "2.0", "method": "providers_changed", "params": { "provider": "groq" } });
    say(&a, "a-1", changed.clone());
    let unread =
        json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32600, "message": "no" } });
    say(&a, "a-2", unread.clone());
    assert_eq!((b.line().await, b.line().await), (changed.clone(), unread));
    assert_eq!(a.line().await, changed);
    sidecar.stop().await;
}

#[tokio::test]
async fn a_batch_is_answered_to_who_asked_and_its_streams_may_begin_before() {
    let sidecar = supervisor(fake(&[]));
    let (mut a, mut b) = two(&sidecar).await;
    let batch = json!([
        { "id": "a-1", "method": "stream_ai_provider", "params": { "execution_id": "e" } },
        { "id": "a-2", "method": "fake.notify", "params": chunk("e", 1) },
        { "method": "echo" },
    ]);
    a.try_send(&batch).unwrap();
    assert_eq!(a.line().await, chunk("e", 1));
    let answers = a.line().await;
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!("a-1"), &json!("a-2")));
    say(&b, "b-1", end("e", 2));
    assert_eq!(b.line().await["id"], "b-1");
    assert_eq!(a.line().await, end("e", 2));
    let twice = json!([{ "id": "x", "method": "echo" }, { "id": "x", "method": "echo" }]);
    assert!(matches!(a.try_send(&twice), Err(Error::Malformed(_))));
    sidecar.stop().await;
}

#[tokio::test]
async fn an_id_can_be_used_again_only_when_it_was_answered() {
    let mut launch = fake(&[]);
    launch.limits.end = std::time::Duration::from_millis(20);
    let sidecar = supervisor(launch);
    let (mut a, b) = two(&sidecar).await;
    b.send("x", "fake.deaf", json!({}));
    let again = json!({ "id": "x", "method": "echo" });
    assert!(matches!(a.try_send(&again), Err(Error::Malformed(_))));
    sidecar.stop().await;
    assert_eq!(a.event().await, Event::Stopped);
}

#[tokio::test]
async fn a_reload_replaces_the_page_and_the_new_one_attaches() {
    let sidecar = supervisor(fake(&[]));
    let mut page = Window::connect(&sidecar, "a", "a1").await;
    page.ask("1", "stream_ai_provider", json!({ "execution_id": "e" })).await;
    let mut reloaded = Window::connect(&sidecar, "a", "a2").await;
    assert_eq!(page.event().await, Event::Replaced);
    assert!(page.next().await.is_none());
    say(&reloaded, "2", chunk("e", 1)); // not attached yet
    assert_eq!(reloaded.line().await["id"], "2");
    reloaded
        .ask("3", "attach_execution", json!({ "execution_id": "e", "state": "streaming" }))
        .await;
    say(&reloaded, "4", end("e", 2));
    assert_eq!(reloaded.line().await, end("e", 2));
    sidecar.stop().await;
}

#[tokio::test]
async fn the_same_connection_again_changes_the_channel_and_nothing_else() {
    let sidecar = supervisor(fake(&[]));
    let mut blocked = Window::connect(&sidecar, "a", "a1").await;
    blocked.ask("1", "stream_ai_provider", json!({ "execution_id": "e" })).await;
    let mut renewed = Window::connect(&sidecar, "a", "a1").await;
    say(&renewed, "2", chunk("e", 1));
    assert_eq!(renewed.line().await, chunk("e", 1));
    assert!(blocked.next().await.is_none());
    sidecar.stop().await;
    assert_eq!(renewed.event().await, Event::Stopped);
}

#[tokio::test]
async fn a_disconnect_ends_its_own_connection_alone() {
    let sidecar = supervisor(fake(&[]));
    let mut window = Window::connect(&sidecar, "a", "a2").await;
    sidecar.disconnect("a", "a1");
    window.ask("1", "echo", json!({})).await;
    sidecar.disconnect("a", "a2");
    assert!(window.next().await.is_none());
    assert_eq!(window.try_send(&json!({ "method": "echo" })), Err(Error::NotConnected));
    sidecar.stop().await;
}

#[tokio::test]
async fn the_answer_to_a_page_that_is_gone_goes_to_nobody() {
    let sidecar = supervisor(fake(&[]));
    let (a, mut b) = two(&sidecar).await;
    a.send("a-1", "echo", json!({ "secret": 1 }));
    sidecar.page_gone("a");
    assert_eq!(b.ask("b-1", "echo", json!({})).await["id"], "b-1");
    let mut again = Window::connect(&sidecar, "a", "a2").await;
    again.send("a-2", "echo", json!({}));
    assert_eq!(again.line().await["id"], "a-2");
    sidecar.stop().await;
}
