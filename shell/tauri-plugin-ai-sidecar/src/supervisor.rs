use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::child::Input;
use crate::message::{Incoming, Outgoing, incoming};
use crate::pages::{PageId, Pages};
use crate::routes::Routes;
use crate::{Crash, Error, Event, Failure, Info, Launch, Page, life};

/// Keeps one sidecar running for the pages of all windows, without knowing of Tauri.
///
/// It is started by the first [`connect`](Self::connect), and started again where it dies.
///
/// ```no_run
/// # async fn f() -> Result<(), tauri_plugin_ai_sidecar::Error> {
/// use std::sync::Arc;
/// use tauri_plugin_ai_sidecar::{Launch, Message, Outgoing, Page, Supervisor};
///
/// struct Print;
/// impl Page for Print {
///     fn deliver(&self, message: Message) -> bool {
///         println!("{message:?}");
///         true
///     }
/// }
///
/// let sidecar = Supervisor::new(Launch::new("ai-sidecar"), tokio::runtime::Handle::current());
/// sidecar.connect("main", "a1b2c3", Arc::new(Print)).await?;
/// let line = r#"{"jsonrpc":"2.0","id":"a1b2c3-1","method":"ping"}"#;
/// sidecar.send("main", Outgoing::parse(line.into())?)?;
/// sidecar.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Supervisor {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) launch: Launch,
    runtime: Handle,
    state: Mutex<State>,
    phase: watch::Sender<Phase>,
}

#[derive(Default)]
struct State {
    pages: Pages,
    routes: Routes,
    /// There while it runs.
    input: Option<Input>,
    /// `shutdown` was asked for.
    shutdown: bool,
    restarts: u32,
    /// Says to the task of the sidecar that it shall end.
    stop: Option<watch::Sender<bool>>,
}

#[derive(Clone)]
enum Phase {
    Idle,
    Starting,
    Running { protocol_version: String },
    Failed(Failure),
}

impl Supervisor {
    /// Starts nothing yet. Its tasks run on `runtime`.
    #[must_use]
    pub fn new(launch: Launch, runtime: Handle) -> Self {
        let (phase, _) = watch::channel(Phase::Idle);
        let shared = Shared { launch, runtime, state: Mutex::default(), phase };
        Self { shared: Arc::new(shared) }
    }

    /// Makes this the page of a window, and waits until the sidecar runs. It is started where it
    /// does not run.
    ///
    /// `connection` is a random word of the page's own. The same word again changes the page and
    /// nothing else; another word takes the former page's place.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where it can't be started, [`Error::NotConnected`] where another
    /// connection of the window came meanwhile.
    pub async fn connect(
        &self,
        window: &str,
        connection: &str,
        page: Arc<dyn Page>,
    ) -> Result<Info, Error> {
        let id = self.shared.register(window, connection, page);
        let mut phase = self.shared.phase.subscribe();
        self.start_if_down();
        loop {
            let now = phase.borrow_and_update().clone();
            match now {
                Phase::Running { protocol_version } => {
                    return self.shared.opened(window, id, protocol_version);
                }
                Phase::Failed(failure) => return Err(Error::Failed(failure)),
                Phase::Idle => return Err(Error::Down), // stopped meanwhile
                Phase::Starting => {}
            }
            phase.changed().await.map_err(|_| Error::Down)?;
        }
    }

    /// Sends what a window asks for. Lines reach the sidecar in the order of the calls.
    ///
    /// # Errors
    ///
    /// [`Error::NotConnected`], [`Error::Down`], [`Error::Busy`], or [`Error::Malformed`] where an
    /// id is used twice; then nothing was sent.
    pub fn send(&self, window: &str, message: Outgoing) -> Result<(), Error> {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        let page = state.pages.id(window).ok_or(Error::NotConnected)?;
        let input = state.input.as_ref().ok_or(Error::Down)?;
        let queued = input.queued();
        if queued > 0 && queued + message.line.len() > self.shared.launch.limits.queued_bytes {
            return Err(Error::Busy(queued));
        }
        state.routes.asked(page, &message.requests)?;
        state.shutdown |= message.methods().any(|method| method == "shutdown");
        input.send(message.line);
        Ok(())
    }

    /// Ends a connection, where it is the window's.
    pub fn disconnect(&self, window: &str, connection: &str) {
        self.shared.forget(window, Some(connection));
    }

    /// Ends whatever connection the window has: its page is gone.
    pub fn page_gone(&self, window: &str) {
        self.shared.forget(window, None);
    }

    /// Ends the sidecar: closes its stdin and kills it where it has not ended in time. Resolves
    /// when it is gone. The next [`connect`](Self::connect) starts it again.
    pub async fn stop(&self) {
        let stop = self.shared.lock().stop.take();
        if let Some(stop) = stop {
            let _ = stop.send(true);
            stop.closed().await; // the task has ended
        }
    }

    fn start_if_down(&self) {
        let mut state = self.shared.lock();
        let down = |phase: &mut Phase| {
            let down = matches!(phase, Phase::Idle | Phase::Failed(_));
            if down {
                *phase = Phase::Starting;
            }
            down
        };
        if self.shared.phase.send_if_modified(down) {
            let (stop, stopped) = watch::channel(false);
            state.stop = Some(stop);
            self.shared.runtime.spawn(life::keep(Arc::clone(&self.shared), stopped));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- Pages ----

    fn register(&self, window: &str, connection: &str, page: Arc<dyn Page>) -> PageId {
        let _in_runtime = self.runtime.enter();
        let mut state = self.lock();
        let (id, former) = state.pages.connect(window, connection, page);
        if let Some(former) = former {
            state.routes.forget(former);
        }
        id
    }

    fn opened(&self, window: &str, id: PageId, protocol_version: String) -> Result<Info, Error> {
        let mut state = self.lock();
        if !state.pages.open(window, id) {
            return Err(Error::NotConnected);
        }
        let plugin_version = env!("CARGO_PKG_VERSION");
        Ok(Info { plugin_version, protocol_version, restarts: state.restarts })
    }

    fn forget(&self, window: &str, connection: Option<&str>) {
        let mut state = self.lock();
        if let Some(page) = state.pages.disconnect(window, connection) {
            state.routes.forget(page);
        }
    }

    // ---- What the sidecar's life tells ----

    /// Resolves when the pages have room for more lines.
    pub(crate) async fn room(&self) {
        let outboxes = self.lock().pages.outboxes();
        for outbox in outboxes {
            outbox.room().await;
        }
    }

    /// A line came.
    pub(crate) fn received(&self, line: &str) {
        let Some(message) = incoming(line) else {
            log::error!("a line of the sidecar's is no JSON-RPC message; passed over");
            return;
        };
        let chunk = matches!(&message, Incoming::Notification { method, .. } if method == "ai_stream_chunk");
        let mut state = self.lock();
        let to = state.routes.route(&message);
        state.pages.line(&to, line, chunk);
    }

    /// It takes requests.
    pub(crate) fn runs(&self, input: Input, protocol_version: String, again: bool) {
        let mut state = self.lock();
        state.input = Some(input);
        state.shutdown = false;
        if again {
            state.restarts += 1;
            let restarts = state.restarts;
            state
                .pages
                .tell(&Event::Started { protocol_version: protocol_version.clone(), restarts });
        }
        self.phase.send_replace(Phase::Running { protocol_version });
    }

    /// It takes none any more. True where it was asked to end by `shutdown`.
    pub(crate) fn ends(&self) -> bool {
        let mut state = self.lock();
        state.input = None;
        state.shutdown
    }

    /// It has crashed, and will be started again.
    pub(crate) fn crashed(&self, crash: &Crash) {
        let mut state = self.lock();
        log::error!("{} {}", crash.message, crash.stderr_tail);
        state.routes = Routes::default();
        self.phase.send_replace(Phase::Starting);
        state.pages.tell(&Event::Crashed(crash.clone()));
    }

    /// It will be started again after this pause.
    pub(crate) fn restarts(&self, attempt: u32, delay_ms: u64) {
        self.lock().pages.tell(&Event::Restarting { attempt, delay_ms });
    }

    /// It was ended on purpose, or can't be started: all connections end.
    pub(crate) fn over(&self, failure: Option<Failure>) {
        let mut state = self.lock();
        state.routes = Routes::default();
        let word = failure.clone().map_or(Event::Stopped, Event::Failed);
        state.pages.end(&word);
        if let Some(failure) = &failure {
            log::error!("{} {}", failure.message, failure.hint);
        }
        self.phase.send_replace(failure.map_or(Phase::Idle, Phase::Failed));
    }
}
