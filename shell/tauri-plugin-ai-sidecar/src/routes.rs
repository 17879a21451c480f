//! Who gets which line: answers go to who asked, what an execution sends to who started it or
//! attached to it, all else to everybody.

use std::collections::{BTreeSet, HashMap};

use crate::Error;
use crate::message::{Answer, Incoming, Request};
use crate::pages::{PageId, To};

/// The method that runs an execution and answers at its end; it does not have to name it.
const RUNNING: &str = "call_ai_provider";

#[derive(Default)]
pub(crate) struct Routes {
    pending: HashMap<String, Pending>,
    executions: HashMap<String, BTreeSet<PageId>>,
}

struct Pending {
    /// None: it is gone.
    page: Option<PageId>,
    method: String,
    execution: Option<String>,
}

impl Routes {
    /// Notes what a page asks for.
    ///
    /// # Errors
    ///
    /// An id that was not answered yet; then nothing is noted.
    pub(crate) fn asked(&mut self, page: PageId, requests: &[Request]) -> Result<(), Error> {
        let mut ids = BTreeSet::new();
        for id in requests.iter().filter_map(|request| request.id.as_ref()) {
            if self.pending.contains_key(id) || !ids.insert(id) {
                return Err(Error::Malformed("A request of this id waits for its answer."));
            }
        }
        for Request { id, method, execution } in requests {
            if let ("attach_execution", Some(name)) = (method.as_str(), execution) {
                // from now on, not from the answer on: what comes between the two would be missed
                self.executions.entry(name.clone()).or_default().insert(page);
            }
            if let Some(id) = id {
                let asked = Pending {
                    page: Some(page),
                    method: method.clone(),
                    execution: execution.clone(),
                };
                self.pending.insert(id.clone(), asked);
            }
        }
        Ok(())
    }

    /// Who gets this line; notes what it says.
    pub(crate) fn route(&mut self, line: &Incoming) -> To {
        match line {
            Incoming::Answers(answers) => {
                let asked: Vec<_> =
                    answers.iter().filter_map(|answer| self.answered(answer)).collect();
                if asked.is_empty() {
                    // null, where the sidecar could not read a line: whose it was nobody knows
                    return To::All;
                }
                To::Pages(asked.into_iter().filter_map(|asked| asked.page).collect())
            }
            Incoming::Notification { execution: None, .. } => To::All,
            Incoming::Notification { method, execution: Some(name) } => {
                let pages = self.listeners(name);
                match method.as_str() {
                    "ai_stream_end" => drop(self.executions.remove(name)),
                    "ai_stream_chunk" => {}
                    // of what was started without a name, or of something newer than this plugin
                    _ if pages.is_empty() => return To::All,
                    _ => {}
                }
                To::Pages(pages)
            }
        }
    }

    /// Notes an answer, and gives what was asked.
    fn answered(&mut self, answer: &Answer) -> Option<Pending> {
        let asked = self.pending.remove(answer.id)?;
        match (asked.method.as_str(), answer.execution()) {
            ("stream_ai_provider", Some((name, _))) => {
                if let Some(page) = asked.page {
                    self.executions.entry(name).or_default().insert(page);
                }
            }
            ("attach_execution", Some((_, true))) => {}
            ("attach_execution", _) => self.leave(asked.execution.as_ref(), asked.page),
            (RUNNING, Some((name, _))) => {
                self.executions.remove(&name); // it is over
            }
            _ => {}
        }
        Some(asked)
    }

    fn leave(&mut self, execution: Option<&String>, page: Option<PageId>) {
        let (Some(name), Some(page)) = (execution, page) else { return };
        if let Some(pages) = self.executions.get_mut(name) {
            pages.remove(&page);
            if pages.is_empty() {
                self.executions.remove(name);
            }
        }
    }

    fn listeners(&mut self, name: &str) -> BTreeSet<PageId> {
        if let Some(pages) = self.executions.get(name) {
            return pages.clone();
        }
        // not answered yet: in a batch, or a call whose request says `stream`
        let named: BTreeSet<_> = self
            .pending
            .values()
            .filter(|asked| asked.execution.as_deref() == Some(name))
            .filter(|asked| asked.method != "cancel_execution")
            .filter_map(|asked| asked.page)
            .collect();
        if !named.is_empty() {
            return named;
        }
        self.pending
            .values()
            .filter(|asked| asked.execution.is_none() && asked.method == RUNNING)
            .filter_map(|asked| asked.page)
            .collect()
    }

    /// Forgets a page that is gone. Its executions go on, for others or for nobody.
    pub(crate) fn forget(&mut self, page: PageId) {
        for asked in self.pending.values_mut().filter(|asked| asked.page == Some(page)) {
            asked.page = None;
        }
        self.executions.retain(|_, pages| {
            pages.remove(&page);
            !pages.is_empty()
        });
    }
}
