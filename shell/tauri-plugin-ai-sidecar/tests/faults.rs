//! A sidecar that does what it should not: nothing is lost without a word, and the next one works.

mod common;

use std::time::Duration;

use common::{Window, fake, supervisor};
use serde_json::json;
use tauri_plugin_ai_sidecar::{Error, Event};

async fn works(window: &mut Window, id: &str) {
    assert_eq!(window.ask(id, "echo", json!({ "n": 1 })).await["result"], json!({ "n": 1 }));
}

async fn restarted(window: &mut Window, restarts: u32) {
    assert!(matches!(window.event().await, Event::Restarting { attempt: 1.., .. }));
    assert_eq!(window.event().await, Event::Started { protocol_version: "1.0".into(), restarts });
}

#[tokio::test]
async fn it_is_started_once_for_all_windows() {
    let sidecar = supervisor(fake(&[]));
    let connects =
        (Window::try_connect(&sidecar, "a", "a1"), Window::try_connect(&sidecar, "b", "b1"));
    let (a, b) = tokio::join!(connects.0, connects.1);
    let ((mut a, info), (mut b, _)) = (a.unwrap(), b.unwrap());
    assert_eq!((info.protocol_version.as_str(), info.restarts), ("1.0", 0));
    works(&mut a, "a-1").await;
    works(&mut b, "b-1").await;
    sidecar.stop().await;
    assert_eq!(a.event().await, Event::Stopped);
    assert!(a.next().await.is_none());
    assert_eq!(a.try_send(&json!({ "method": "echo" })), Err(Error::NotConnected));
}

#[tokio::test]
async fn a_crash_is_told_to_all_windows_with_status_and_stderr_and_mended() {
    let sidecar = supervisor(fake(&[]));
    let mut a = Window::connect(&sidecar, "a", "a1").await;
    let mut b = Window::connect(&sidecar, "b", "b1").await;
    b.send("b-1", "stream_ai_provider", json!({ "execution_id": "e" }));
    assert_eq!(b.line().await["id"], "b-1");
    a.send("a-1", "fake.exit", json!({ "status": 7 }));
    for (number, window) in [&mut a, &mut b].into_iter().enumerate() {
        let Event::Crashed(crash) = window.event().await else { panic!() };
        assert_eq!((crash.exit_code, crash.signal), (Some(7), None));
        assert!(
            crash.stderr_tail.ends_with("fake: exits, as it was told to\n"),
            "{}",
            crash.stderr_tail
        );
        assert!(crash.message.contains("status: 7"), "{}", crash.message);
        restarted(window, 1).await;
        // the ids of what was lost are free again
        works(window, ["a-1", "b-1"][number]).await;
    }
    let (_, info) = Window::try_connect(&sidecar, "c", "c1").await.unwrap();
    assert_eq!(info.restarts, 1);
    sidecar.stop().await;
}

#[tokio::test]
async fn while_it_is_down_nothing_is_taken() {
    let mut launch = fake(&[]);
    launch.limits.first_pause = Duration::from_secs(3600);
    launch.limits.longest_pause = Duration::from_secs(3600);
    let sidecar = supervisor(launch);
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    window.send("1", "fake.exit", json!({ "status": 1 }));
    assert!(matches!(window.event().await, Event::Crashed(_)));
    assert_eq!(window.event().await, Event::Restarting { attempt: 1, delay_ms: 3_600_000 });
    let refused = window.try_send(&json!({ "id": "2", "method": "echo" })).unwrap_err();
    assert_eq!((refused.kind(), &refused), ("closed", &Error::Down));
    sidecar.stop().await; // in the middle of the pause
    assert_eq!(window.event().await, Event::Stopped);
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    works(&mut window, "3").await;
    sidecar.stop().await;
}

#[tokio::test]
async fn one_that_crashes_again_and_again_is_given_up_until_somebody_connects() {
    let mut launch = fake(&["start=exit:3"]);
    launch.limits.crashes = 4;
    let sidecar = supervisor(launch);
    for connection in ["one", "two"] {
        let Err(Error::Failed(failure)) =
            Window::try_connect(&sidecar, "a", connection).await.map(|_| ())
        else {
            panic!()
        };
        assert_eq!(failure.kind, "closed");
        assert!(failure.message.contains("4 times in a row"), "{}", failure.message);
    }
}

#[tokio::test]
async fn an_open_window_is_told_that_it_was_given_up() {
    let mut launch = fake(&[]);
    launch.limits.crashes = 2;
    let sidecar = supervisor(launch);
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    window.send("1", "fake.exit", json!({ "status": 1 }));
    assert!(matches!(window.event().await, Event::Crashed(_)));
    restarted(&mut window, 1).await;
    window.send("2", "fake.exit", json!({ "status": 1 }));
    assert!(matches!(window.event().await, Event::Crashed(_)));
    let Event::Failed(failure) = window.event().await else { panic!() };
    assert!(!failure.hint.is_empty());
    assert!(window.next().await.is_none());
}

#[tokio::test]
async fn another_major_version_is_refused_and_its_process_ended() {
    let sidecar = supervisor(fake(&["major=2"]));
    let refused = Window::try_connect(&sidecar, "a", "a1").await.map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), "protocol_version");
    assert_eq!(refused.to_string(), "The sidecar speaks version 2.0 of its protocol, this app 1.");
    let object = serde_json::to_value(&refused).unwrap();
    assert_eq!((&object["code"], &object["data"]["kind"]), (&json!(0), &json!("protocol_version")));
}

#[tokio::test]
async fn a_program_that_is_not_there_and_one_with_another_command_line_are_not_tried_again() {
    let sidecar = supervisor(tauri_plugin_ai_sidecar::Launch::new("/nowhere/ai-sidecar"));
    let refused = Window::try_connect(&sidecar, "a", "a1").await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("The sidecar /nowhere/ai-sidecar can't be started"));
    let sidecar = supervisor(fake(&["start=exit:2"]));
    let refused = Window::try_connect(&sidecar, "a", "a1").await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("does not know its command line"), "{refused}");
}

#[tokio::test]
async fn one_that_never_answers_initialize_is_ended() {
    let mut launch = fake(&["start=hang"]);
    launch.limits.start = Duration::from_millis(20);
    launch.limits.end = Duration::from_millis(20);
    launch.limits.crashes = 2;
    let sidecar = supervisor(launch);
    let refused = Window::try_connect(&sidecar, "a", "a1").await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("`initialize` in time"), "{refused}");
}

#[tokio::test]
async fn garbage_on_stdout_is_passed_over() {
    let sidecar = supervisor(fake(&[]));
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    window.send("1", "fake.garbage", json!({}));
    assert_eq!(window.line().await["id"], "1");
    sidecar.stop().await;
}

#[tokio::test]
async fn a_line_without_end_is_a_crash() {
    let mut launch = fake(&[]);
    launch.limits.line_bytes = 1024 * 1024;
    launch.limits.end = Duration::from_millis(20);
    let sidecar = supervisor(launch);
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    window.send("1", "fake.long", json!({ "bytes": 1024 * 1024 + 1 }));
    let Event::Crashed(crash) = window.event().await else { panic!() };
    assert_eq!(crash.message, "A line of the sidecar's is too long.");
    restarted(&mut window, 1).await;
    works(&mut window, "2").await;
    sidecar.stop().await;
}

#[tokio::test]
async fn one_that_does_not_read_holds_up_nobody_and_is_killed_at_the_end() {
    let mut launch = fake(&[]);
    launch.limits.queued_bytes = 1024 * 1024;
    launch.limits.end = Duration::from_millis(20);
    let sidecar = supervisor(launch);
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    window.send("0", "fake.deaf", json!({}));
    let text = "x".repeat(100_000);
    let busy = (1..100).find_map(|id| {
        let message = json!({ "id": id, "method": "echo", "params": { "text": text } });
        window.try_send(&message).err()
    });
    let Some(Error::Busy(bytes)) = busy else { panic!("{busy:?}") };
    assert!(bytes <= 1024 * 1024);
    sidecar.stop().await;
    assert_eq!(window.event().await, Event::Stopped);
}

#[tokio::test]
async fn a_flood_of_lines_of_a_megabyte_comes_whole_and_in_order() {
    let sidecar = supervisor(fake(&[]));
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    window.send("1", "stream_ai_provider", json!({ "execution_id": "flood" }));
    window.send("2", "fake.flood", json!({ "lines": 40, "bytes": 1_000_000 }));
    assert_eq!(window.line().await["id"], "1");
    for seq in 0..40 {
        let line = window.line().await;
        assert_eq!(line["params"]["seq"], seq);
        assert_eq!(line["params"]["chunk"]["content"].as_str().unwrap().len(), 1_000_000);
    }
    assert_eq!(window.line().await["id"], "2");
    sidecar.stop().await;
}

#[tokio::test]
async fn one_that_hangs_at_its_end_is_killed() {
    let mut launch = fake(&["hang-at-exit"]);
    launch.limits.end = Duration::from_millis(20);
    let sidecar = supervisor(launch);
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    works(&mut window, "1").await;
    sidecar.stop().await;
    assert_eq!(window.event().await, Event::Stopped);
}

#[tokio::test]
async fn an_end_by_shutdown_is_no_crash() {
    let sidecar = supervisor(fake(&[]));
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    window.send("1", "shutdown", json!({}));
    assert_eq!(window.line().await["id"], "1");
    assert_eq!(window.event().await, Event::Stopped);
}

#[tokio::test]
async fn an_end_with_status_0_that_nobody_asked_for_is_a_crash() {
    let sidecar = supervisor(fake(&[]));
    let mut window = Window::connect(&sidecar, "a", "a1").await;
    window.send("1", "fake.exit", json!({ "status": 0 }));
    let Event::Crashed(crash) = window.event().await else { panic!() };
    assert_eq!(crash.exit_code, Some(0));
    restarted(&mut window, 1).await;
    sidecar.stop().await;
}
