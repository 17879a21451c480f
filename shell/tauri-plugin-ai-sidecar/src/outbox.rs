//! What waits for one page: gathered for a moment, sent in batches, bounded where it is not read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{Event, Message};

/// How long the first line of a batch may wait for others.
const GATHER: Duration = Duration::from_millis(16);
/// Tauri sends JSON of less than this by `eval`, and longer JSON by a slower way.
const BATCH: usize = 8192;
/// So much may be under way to a page before it is asked whether it reads at all.
const UNREAD: usize = 1024 * 1024;
/// A page that does not answer that is taken for one that hangs, and asked again, in case the
/// question was lost.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Where so much waits for a page, the sidecar has to wait as well: streams slow down to what the
/// page can take. Nobody waits for a page that hangs: its chunks are dropped instead. When it reads
/// again, it sees the gap in `seq` and fetches what was said by `attach_execution`.
const WAITING: usize = 8 * 1024 * 1024;

/// One page of one window, as the bridge sees it.
pub trait Page: Send + Sync + 'static {
    /// Sends it something; false where it is gone.
    fn deliver(&self, message: Message) -> bool;

    /// Notifies when all that was delivered has been taken. Who can't know says so at once.
    fn when_read(&self, read: Arc<Notify>) {
        read.notify_one();
    }
}

#[derive(Clone)]
pub(crate) struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Something waits.
    some: Notify,
    /// A batch is full, or there is something that shall not wait.
    full: Notify,
    /// There is another page.
    turned: Notify,
    /// Less waits, or the page hangs.
    room: Notify,
}

struct Waiting {
    page: Arc<dyn Page>,
    items: VecDeque<Item>,
    cost: usize,
    chunks: usize,
    /// The page has not answered.
    hangs: bool,
    /// A last word was put in, or nobody is there.
    last: bool,
}

enum Item {
    Line { text: Arc<str>, cost: usize, chunk: bool },
    Event(Event),
}

impl Outbox {
    /// Must be called in a Tokio runtime. Ends by [`close`](Self::close) or when the page is gone.
    pub(crate) fn open(page: Arc<dyn Page>) -> Self {
        let waiting =
            Waiting { page, items: VecDeque::new(), cost: 0, chunks: 0, hangs: false, last: false };
        let shared = Arc::new(Shared {
            waiting: Mutex::new(waiting),
            some: Notify::new(),
            full: Notify::new(),
            turned: Notify::new(),
            room: Notify::new(),
        });
        tokio::spawn(run(Arc::clone(&shared)));
        Self { shared }
    }

    /// Puts a line in, given without its line feed. A chunk may be dropped, see [`WAITING`].
    pub(crate) fn line(&self, text: Arc<str>, chunk: bool) {
        let cost = cost(&text);
        let mut waiting = self.shared.lock();
        if waiting.last {
            return;
        }
        if chunk && waiting.hangs && waiting.cost + cost > WAITING {
            if waiting.chunks > 0 {
                log::warn!("a window hangs: its chunks are dropped, which it can fetch again");
                waiting.drop_chunks();
            }
            return;
        }
        waiting.cost += cost;
        waiting.chunks += usize::from(chunk);
        waiting.items.push_back(Item::Line { text, cost, chunk });
        self.shared.wake(waiting.is_full());
    }

    /// Puts an event in.
    pub(crate) fn event(&self, event: Event) {
        let mut waiting = self.shared.lock();
        if !waiting.last {
            waiting.items.push_back(Item::Event(event));
        }
        self.shared.wake(true);
    }

    /// Resolves when there is room for more, or nobody should wait for this page. For one task.
    pub(crate) async fn room(&self) {
        while self.shared.lock().is_crowded() {
            self.shared.room.notified().await;
        }
    }

    /// Sends what waits, this event as the last word if there is one, and ends.
    pub(crate) fn close(&self, word: Option<Event>) {
        let mut waiting = self.shared.lock();
        if word.is_none() {
            waiting.items.clear(); // nobody is there any more
        }
        waiting.items.extend(word.map(Item::Event));
        waiting.last = true;
        self.shared.room.notify_one();
        self.shared.turned.notify_one();
        self.shared.wake(true);
    }

    /// Sends to another page from now on.
    pub(crate) fn turn_to(&self, page: Arc<dyn Page>) {
        self.shared.lock().page = page;
        self.shared.turned.notify_one();
    }
}

async fn run(shared: Arc<Shared>) {
    let (mut due, mut unread) = (Instant::now(), 0);
    while shared.something().await {
        // what comes after a pause goes at once; what comes close behind is gathered
        tokio::select! {
            () = sleep_until(due) => {}
            () = shared.full.notified() => {}
        }
        let (page, messages) = {
            let mut waiting = shared.lock();
            let messages = waiting.take(Instant::now() >= due);
            if waiting.is_full() {
                shared.full.notify_one(); // there is more than may be sent at once
            }
            (Arc::clone(&waiting.page), messages)
        };
        shared.room.notify_one();
        for (message, cost) in messages {
            due = Instant::now() + GATHER;
            unread += cost;
            if !page.deliver(message) {
                shared.abandon();
                return;
            }
        }
        if unread >= UNREAD {
            shared.read().await;
            unread = 0;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, full: bool) {
        if full {
            self.full.notify_one();
        }
        self.some.notify_one();
    }

    /// Waits for something to send; false where nothing will come.
    async fn something(&self) -> bool {
        loop {
            let (empty, last) = {
                let waiting = self.lock();
                (waiting.items.is_empty(), waiting.last)
            };
            if !empty || last {
                return !empty;
            }
            self.some.notified().await;
        }
    }

    /// Waits until the page has read what it was sent, or is another one.
    async fn read(&self) {
        loop {
            let read = Arc::new(Notify::new());
            let page = Arc::clone(&self.lock().page);
            page.when_read(Arc::clone(&read));
            tokio::select! {
                () = read.notified() => break,
                () = self.turned.notified() => break,
                () = sleep(ASK_AGAIN) => self.lock().hangs = true,
            }
            self.room.notify_one();
        }
        self.lock().hangs = false;
    }

    /// The page is gone: nothing waits for it any more.
    fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.items.clear();
        waiting.last = true;
        self.room.notify_one();
    }
}

impl Waiting {
    fn is_full(&self) -> bool {
        self.cost + 2 >= BATCH
    }

    fn is_crowded(&self) -> bool {
        self.cost > WAITING && !self.hangs && !self.last
    }

    /// Takes out what is to be sent: `all`, or else what makes full batches or comes before an
    /// event; and not much more than [`UNREAD`].
    fn take(&mut self, all: bool) -> Vec<(Message, usize)> {
        let (mut messages, mut batch, mut size) = (Vec::new(), String::new(), 2);
        let enough = self.cost.saturating_sub(UNREAD);
        let mut events = self.items.iter().filter(|item| matches!(item, Item::Event(_))).count();
        while let Some(item) = self.items.pop_front() {
            let (text, cost, chunk) = match item {
                Item::Event(event) => {
                    events -= 1;
                    flush(&mut messages, &mut batch, &mut size);
                    messages.push((Message::Event(event), 0));
                    continue;
                }
                Item::Line { text, cost, chunk } => (text, cost, chunk),
            };
            if size + cost >= BATCH {
                flush(&mut messages, &mut batch, &mut size);
            }
            let rest = !all && events == 0 && !self.is_full();
            if batch.is_empty() && (rest || (self.cost <= enough && enough > 0)) {
                self.items.push_front(Item::Line { text, cost, chunk });
                break; // it waits for its own moment
            }
            self.cost -= cost;
            self.chunks -= usize::from(chunk);
            size += cost;
            batch.push_str(&text);
            batch.push('\n');
        }
        flush(&mut messages, &mut batch, &mut size);
        messages
    }

    fn drop_chunks(&mut self) {
        self.items.retain(|item| !matches!(item, Item::Line { chunk: true, .. }));
        let costs = self.items.iter().map(|item| match item {
            Item::Line { cost, .. } => *cost,
            Item::Event(_) => 0,
        });
        self.cost = costs.sum();
        self.chunks = 0;
    }
}

fn flush(messages: &mut Vec<(Message, usize)>, batch: &mut String, size: &mut usize) {
    if !batch.is_empty() {
        messages.push((Message::Lines(std::mem::take(batch)), *size));
    }
    *size = 2; // the quotes
}

/// How many bytes a line and its line feed take within a JSON string.
fn cost(line: &str) -> usize {
    let escaped = line.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    });
    escaped.sum::<usize>() + 2
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
