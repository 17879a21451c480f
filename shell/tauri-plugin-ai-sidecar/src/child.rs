//! The sidecar's process: its pipes, what it says to people, and its end.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::lines::{Fault, Splitter};
use crate::{Crash, Launch};

/// What is kept of stderr.
const TAIL_CHARS: usize = 4096;
/// What a dead process has left in a pipe is there; one that another holds open is not waited for.
const LEFTOVERS: Duration = Duration::from_millis(500);

pub(crate) struct Child {
    process: tokio::process::Child,
    writer: Option<JoinHandle<()>>,
    input: Option<Input>,
    output: Output,
    stderr: JoinHandle<()>,
    tail: Arc<Mutex<VecDeque<u8>>>,
    #[cfg(windows)]
    _job: Option<win32job::Job>,
}

/// The way to the sidecar's stdin. It is closed when the last one of these is dropped and what was
/// sent is written.
#[derive(Clone)]
pub(crate) struct Input {
    lines: mpsc::UnboundedSender<String>,
    queued: Arc<AtomicUsize>,
}

impl Input {
    /// Queues a line, given without its line feed.
    pub(crate) fn send(&self, mut line: String) {
        line.push('\n');
        self.queued.fetch_add(line.len(), Ordering::Relaxed);
        let _ = self.lines.send(line); // who has ended is told of elsewhere
    }

    /// How many bytes were not written yet.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }
}

/// What came of waiting for the sidecar.
pub(crate) enum Happened {
    Read,
    Broke(&'static str),
    Exited(io::Result<ExitStatus>),
}

impl Child {
    pub(crate) fn spawn(launch: &Launch) -> io::Result<Self> {
        let mut command = Command::new(&launch.program);
        command.args(&launch.args).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0); // so that it can be killed with all that it has started
        #[cfg(windows)]
        command.creation_flags(0x0800_0000); // CREATE_NO_WINDOW
        let mut process = command.spawn()?;
        let closed = || io::Error::other("a pipe is missing");
        let stdin = process.stdin.take().ok_or_else(closed)?;
        let stdout = process.stdout.take().ok_or_else(closed)?;
        let stderr = process.stderr.take().ok_or_else(closed)?;
        let tail = Arc::default();
        let (lines, queue) = mpsc::unbounded_channel();
        let input = Input { lines, queued: Arc::default() };
        Ok(Self {
            #[cfg(windows)]
            _job: crate::job::hold(&process),
            writer: Some(tokio::spawn(write(stdin, queue, Arc::clone(&input.queued)))),
            input: Some(input),
            output: Output {
                pipe: Some(stdout),
                splitter: Splitter::new(launch.limits.line_bytes),
                buffer: vec![0; 64 * 1024].into(),
            },
            stderr: tokio::spawn(listen(stderr, Arc::clone(&tail))),
            process,
            tail,
        })
    }

    /// The way to it; none once its end was begun.
    pub(crate) fn input(&self) -> Option<&Input> {
        self.input.as_ref()
    }

    /// Reads once, or finds that there is nothing to read any more.
    pub(crate) async fn next(&mut self, each: impl FnMut(&str)) -> Happened {
        tokio::select! {
            biased; // what it said comes before its end
            read = self.output.read(each), if self.output.pipe.is_some() => match read {
                Ok(true) => Happened::Read,
                Ok(false) => self.hung_up().await,
                Err(why) => Happened::Broke(why),
            },
            status = self.process.wait() => Happened::Exited(status),
        }
    }

    /// stdout was closed: mostly since the process is at its end.
    async fn hung_up(&mut self) -> Happened {
        match timeout(LEFTOVERS, self.process.wait()).await {
            Ok(status) => Happened::Exited(status),
            Err(_) => Happened::Broke("The sidecar has closed its stdout."),
        }
    }

    /// Ends it: closes its stdin when all is written, reads on, and kills it when `patience` is
    /// over.
    pub(crate) async fn end(
        &mut self,
        patience: Duration,
        mut each: impl FnMut(&str),
    ) -> io::Result<ExitStatus> {
        self.input = None;
        let deadline = sleep(patience);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                happened = self.next(&mut each) => match happened {
                    Happened::Exited(status) => return status,
                    Happened::Read => {}
                    Happened::Broke(_) => self.output.pipe = None,
                },
                () = &mut deadline => break,
            }
        }
        log::warn!("the sidecar has not ended by itself and is killed");
        self.close();
        self.kill();
        self.process.wait().await
    }

    /// Closes stdin, whatever was not written.
    fn close(&mut self) {
        self.input = None;
        if let Some(writer) = self.writer.take() {
            writer.abort();
        }
    }

    fn kill(&mut self) {
        // not waited for yet, so the id is still its own; it leads a group of its own
        #[cfg(unix)]
        if let Some(id) = self.process.id().and_then(|id| i32::try_from(id).ok())
            && let Some(group) = rustix::process::Pid::from_raw(id)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.process.start_kill();
    }

    /// Hands on what the process has left on its stdout.
    pub(crate) async fn leftovers(&mut self, each: impl FnMut(&str)) {
        self.close();
        let _ = timeout(LEFTOVERS, self.output.drain(each)).await;
    }

    /// Hands on what the process has left, and tells how it ended.
    pub(crate) async fn report(
        &mut self,
        why: Option<&str>,
        status: io::Result<ExitStatus>,
        each: impl FnMut(&str),
    ) -> Crash {
        self.leftovers(each).await;
        let _ = timeout(LEFTOVERS, &mut self.stderr).await;
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&tail.iter().copied().collect::<Vec<_>>()).into_owned();
        let skipped = text.chars().count().saturating_sub(TAIL_CHARS);
        let (exit_code, signal) =
            status.as_ref().map_or((None, None), |status| (status.code(), signal(*status)));
        let message = match (why, &status) {
            (Some(why), _) => why.to_owned(),
            (None, Ok(status)) => format!("The sidecar has ended by itself: {status}."),
            (None, Err(error)) => format!("The sidecar was lost: {error}."),
        };
        Crash { message, exit_code, signal, stderr_tail: text.chars().skip(skipped).collect() }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.process.id().is_some() {
            self.kill(); // the task that should have ended it was dropped
        }
        self.close();
        self.stderr.abort();
    }
}

struct Output {
    pipe: Option<ChildStdout>,
    splitter: Splitter,
    buffer: Box<[u8]>,
}

impl Output {
    /// Reads once; false at the end.
    async fn read(&mut self, mut each: impl FnMut(&str)) -> Result<bool, &'static str> {
        let Some(pipe) = &mut self.pipe else { return Ok(false) };
        let count = pipe.read(&mut self.buffer).await.unwrap_or(0);
        if count == 0 {
            self.pipe = None;
            return Ok(false);
        }
        let mut too_long = false;
        self.splitter.feed(&self.buffer[..count], |line| match line {
            Ok(line) => each(line),
            Err(Fault::NotUtf8) => log::error!("a line of the sidecar's is not UTF-8; passed over"),
            Err(Fault::TooLong) => too_long = true,
        });
        if too_long { Err("A line of the sidecar's is too long.") } else { Ok(true) }
    }

    async fn drain(&mut self, mut each: impl FnMut(&str)) {
        while let Ok(true) = self.read(&mut each).await {}
    }
}

async fn write(
    mut stdin: ChildStdin,
    mut queue: mpsc::UnboundedReceiver<String>,
    queued: Arc<AtomicUsize>,
) {
    while let Some(line) = queue.recv().await {
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return; // it has ended, and is told of elsewhere
        }
        queued.fetch_sub(line.len(), Ordering::Relaxed);
    }
}

/// Logs stderr and keeps its end. The sidecar takes keys out of what it writes there.
async fn listen(mut stderr: ChildStderr, tail: Arc<Mutex<VecDeque<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        let bytes = &buffer[..count];
        log::info!(target: "ai_sidecar", "{}", String::from_utf8_lossy(bytes).trim_end());
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(bytes);
        let over = tail.len().saturating_sub(4 * TAIL_CHARS); // a character has 4 bytes at most
        tail.drain(..over);
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;
    let number = status.signal()?;
    let known = [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (4, "SIGILL"),
        (6, "SIGABRT"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (13, "SIGPIPE"),
        (15, "SIGTERM"),
    ];
    let name = known.iter().find(|(known, _)| *known == number);
    Some(name.map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned()))
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<String> {
    None
}
