//! The pages that are connected: one for each window at most.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::outbox::Outbox;
use crate::{Event, Page};

/// One page: a reload makes a new one.
pub(crate) type PageId = u64;

/// By the label of their window.
#[derive(Default)]
pub(crate) struct Pages {
    windows: HashMap<String, Connected>,
    last: PageId,
}

struct Connected {
    id: PageId,
    connection: String,
    outbox: Outbox,
    /// Its `connect` was answered: it is told what happens.
    open: bool,
}

/// Whom a line is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum To {
    Pages(BTreeSet<PageId>),
    All,
}

impl Pages {
    /// Connects a page; and gives the one whose place it takes. Must
    /// be called in a Tokio runtime.
    pub(crate) fn connect(
        &mut self,
        window: &str,
        connection: &str,
        page: Arc<dyn Page>,
    ) -> (PageId, Option<PageId>) {
        if let Some(known) = self.windows.get(window).filter(|page| page.connection == connection) {
            known.outbox.turn_to(page);
            return (known.id, None);
        }
        self.last += 1;
        let connected = Connected {
            id: self.last,
            connection: connection.to_owned(),
            outbox: Outbox::open(page),
            open: false,
        };
        let former = self.windows.insert(window.to_owned(), connected).map(|former| {
            former.outbox.close(Some(Event::Replaced));
            former.id
        });
        (self.last, former)
    }

    /// Tells the page from now on what happens; false where it is not the window's any more.
    pub(crate) fn open(&mut self, window: &str, id: PageId) -> bool {
        let page = self.windows.get_mut(window).filter(|page| page.id == id);
        page.is_some_and(|page| {
            page.open = true;
            true
        })
    }

    /// Ends a window's connection, or only this one, without a word.
    pub(crate) fn disconnect(&mut self, window: &str, only: Option<&str>) -> Option<PageId> {
        let page = self.windows.get(window)?;
        if only.is_some_and(|only| only != page.connection) {
            return None;
        }
        let page = self.windows.remove(window)?;
        page.outbox.close(None);
        Some(page.id)
    }

    /// Ends all connections. Those whose `connect` still waits are told by its answer.
    pub(crate) fn end(&mut self, word: &Event) {
        for page in self.windows.drain().map(|(_, page)| page) {
            page.outbox.close(page.open.then(|| word.clone()));
        }
    }

    pub(crate) fn id(&self, window: &str) -> Option<PageId> {
        self.windows.get(window).filter(|page| page.open).map(|page| page.id)
    }

    pub(crate) fn outboxes(&self) -> Vec<Outbox> {
        self.windows.values().map(|page| page.outbox.clone()).collect()
    }

    pub(crate) fn tell(&self, event: &Event) {
        for page in self.windows.values().filter(|page| page.open) {
            page.outbox.event(event.clone());
        }
    }

    pub(crate) fn line(&self, to: &To, line: &str, chunk: bool) {
        let line: Arc<str> = line.into();
        for page in self.windows.values().filter(|page| page.open) {
            if matches!(to, To::All) || matches!(to, To::Pages(pages) if pages.contains(&page.id)) {
                page.outbox.line(Arc::clone(&line), chunk);
            }
        }
    }
}
