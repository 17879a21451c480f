use tokio::sync::mpsc;
use tokio::time::{advance, timeout};

use super::*;

/// What is promised, whatever the code says.
const MS_16: Duration = Duration::from_millis(16);

struct Sink {
    got: mpsc::UnboundedSender<(Instant, Message)>,
    reads: bool,
}

impl Page for Sink {
    fn deliver(&self, message: Message) -> bool {
        self.got.send((Instant::now(), message)).is_ok()
    }

    fn when_read(&self, read: Arc<Notify>) {
        if self.reads {
            read.notify_one();
        }
    }
}

type Got = mpsc::UnboundedReceiver<(Instant, Message)>;

fn page(reads: bool) -> (Arc<Sink>, Got) {
    let (got, received) = mpsc::unbounded_channel();
    (Arc::new(Sink { got, reads }), received)
}

fn open(reads: bool) -> (Outbox, Got) {
    let (page, got) = page(reads);
    (Outbox::open(page), got)
}

fn lines(text: &[&str]) -> Message {
    Message::Lines(text.join("\n") + "\n")
}

/// All that is sent when nothing more comes.
async fn all(got: &mut Got) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Ok(Some((_, message))) = timeout(Duration::from_millis(100), got.recv()).await {
        messages.push(message);
    }
    messages
}

fn count(messages: &[Message]) -> usize {
    let each = messages.iter().map(|message| match message {
        Message::Lines(text) => text.matches('\n').count(),
        Message::Event(_) => 0,
    });
    each.sum()
}

#[tokio::test(start_paused = true)]
async fn the_first_line_goes_at_once_and_those_behind_it_after_16_ms_at_most() {
    let (outbox, mut got) = open(true);
    let begin = Instant::now();
    outbox.line("one".into(), false);
    let (at, message) = got.recv().await.unwrap();
    assert_eq!((at - begin, message), (Duration::ZERO, lines(&["one"])));
    advance(Duration::from_millis(3)).await;
    outbox.line("two".into(), false);
    outbox.line("three".into(), false);
    let (at, message) = got.recv().await.unwrap();
    assert!(at - begin <= Duration::from_millis(3) + MS_16, "{:?}", at - begin);
    assert_eq!(message, lines(&["two", "three"]));
}

#[tokio::test(start_paused = true)]
async fn no_line_waits_longer_than_16_ms_at_any_pace() {
    for pace in [1, 2, 3, 5, 15, 16, 17, 40].map(Duration::from_millis) {
        let (outbox, mut got) = open(true);
        let mut sent = VecDeque::new();
        for number in 0..200 {
            sent.push_back(Instant::now());
            outbox.line(format!("{number}").into(), true);
            sleep(pace).await; // time stands still but for sleepers
            while let Ok((at, Message::Lines(text))) = got.try_recv() {
                let first = sent[0];
                assert!(at - first <= MS_16, "{pace:?}: {:?}", at - first);
                sent.drain(..text.matches('\n').count());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_less_than_8_kb_as_json_and_a_larger_line_goes_alone() {
    let (outbox, mut got) = open(true);
    let short = format!(r#"{{"text":"{}"}}"#, "\\\"ü".repeat(30));
    let long = "\"".repeat(20_000);
    for number in 0..300 {
        outbox.line((if number % 50 == 7 { &long } else { &short }).as_str().into(), false);
    }
    let messages = all(&mut got).await;
    assert_eq!(count(&messages), 300);
    for message in &messages {
        let Message::Lines(text) = message else { panic!() };
        let size = serde_json::to_string(message).unwrap().len();
        assert!(size < 8192 || text.matches('\n').count() == 1, "{size}");
    }
    assert!(messages.len() < 30, "{}", messages.len());
}

#[tokio::test(start_paused = true)]
async fn two_lines_share_a_batch_only_below_8192_bytes() {
    for (length, batches) in [(4090, 1), (4091, 2)] {
        let (outbox, mut got) = open(true);
        // each with its line feed, which takes 2; the quotes take 2 more: 8191 with the shorter one
        outbox.line("x".repeat(length).into(), false);
        outbox.line("x".repeat(4095).into(), false);
        assert_eq!(all(&mut got).await.len(), batches, "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_does_not_wait() {
    let (outbox, mut got) = open(true);
    outbox.line("first".into(), false);
    got.recv().await.unwrap();
    let begin = Instant::now();
    for _ in 0..20 {
        outbox.line("x".repeat(1000).into(), false);
    }
    for _ in 0..2 {
        let (at, message) = got.recv().await.unwrap();
        assert_eq!((at - begin, count(&[message])), (Duration::ZERO, 8));
    }
    let (at, message) = got.recv().await.unwrap();
    assert_eq!(count(&[message]), 4);
    assert!(at - begin <= MS_16 + Duration::from_millis(1), "{:?}", at - begin);
}

#[tokio::test(start_paused = true)]
async fn an_event_does_not_wait_and_keeps_its_place() {
    let (outbox, mut got) = open(true);
    outbox.line("one".into(), false);
    got.recv().await.unwrap();
    let begin = Instant::now();
    outbox.line("two".into(), false);
    outbox.event(Event::Stopped);
    outbox.line("three".into(), false);
    assert_eq!(got.recv().await.unwrap(), (begin, lines(&["two"])));
    assert_eq!(got.recv().await.unwrap(), (begin, Message::Event(Event::Stopped)));
    assert_eq!(got.recv().await.unwrap().1, lines(&["three"]));
}

/// 300 lines of 100 kB; each tenth is no chunk. Waits for room as the reader of stdout does.
async fn flood(outbox: &Outbox) {
    for number in 0..300 {
        outbox.line(format!("{number} {}", "x".repeat(100_000)).into(), number % 10 != 0);
        assert!(outbox.shared.lock().cost <= WAITING + 200_000);
        outbox.room().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_hangs_is_sent_little_and_loses_chunks_alone() {
    let (outbox, mut got) = open(false);
    let begin = Instant::now();
    flood(&outbox).await;
    assert!(begin.elapsed() <= ASK_AGAIN + 2 * MS_16, "{:?}", begin.elapsed());
    let sent = count(&all(&mut got).await);
    assert!((10..15).contains(&sent), "{sent}");
    let (page, mut got) = page(true);
    outbox.turn_to(page); // it reads again
    let messages = all(&mut got).await;
    for number in (20..300).step_by(10) {
        let line = format!("{number} x");
        let is_it =
            |each: &Message| matches!(each, Message::Lines(text) if text.starts_with(&line));
        assert!(messages.iter().any(is_it), "{number}");
    }
    assert!(count(&messages) < 120);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_reads_slowly_gets_all_and_the_sidecar_waits_for_it() {
    struct Slow(Sink);
    impl Page for Slow {
        fn deliver(&self, message: Message) -> bool {
            self.0.deliver(message)
        }
        fn when_read(&self, read: Arc<Notify>) {
            tokio::spawn(async move {
                sleep(ASK_AGAIN / 2).await;
                read.notify_one();
            });
        }
    }
    let (got, mut received) = mpsc::unbounded_channel();
    let outbox = Outbox::open(Arc::new(Slow(Sink { got, reads: true })));
    let begin = Instant::now();
    flood(&outbox).await;
    assert!(begin.elapsed() > 15 * ASK_AGAIN / 2, "{:?}", begin.elapsed());
    let mut came = 0;
    while came < 300 {
        came += count(&[received.recv().await.unwrap().1]);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_page_that_is_gone() {
    let (outbox, got) = open(false);
    drop(got);
    flood(&outbox).await;
}

#[tokio::test(start_paused = true)]
async fn a_last_word_comes_after_what_waited_and_nothing_after_it() {
    let (outbox, mut got) = open(true);
    outbox.line("one".into(), false);
    outbox.close(Some(Event::Replaced));
    outbox.line("two".into(), false);
    drop(outbox);
    assert_eq!(got.recv().await.unwrap().1, lines(&["one"]));
    assert_eq!(got.recv().await.unwrap().1, Message::Event(Event::Replaced));
    assert!(got.recv().await.is_none());
}

#[test]
fn the_cost_of_a_line_is_what_json_makes_of_it() {
    for text in ["", "plain", "\"\\/\t\r\u{8}\u{c}\u{1}\u{7f}", "ü€😀\u{2028}"] {
        let json = serde_json::to_string(&format!("{text}\n")).unwrap();
        assert_eq!(cost(text), json.len() - 2, "{text:?}");
    }
}
