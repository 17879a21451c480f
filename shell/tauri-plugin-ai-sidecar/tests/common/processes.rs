//! Processes as /proc shows them.

/// A line of `/proc/PID/status`; none where the process is gone. A zombie is gone.
pub fn status(pid: u32, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.trim().to_owned())
    };
    (!value("State")?.starts_with('Z')).then(|| value(name)).flatten()
}

/// The processes that a process has started.
pub fn children(pid: u32) -> Vec<u32> {
    let parent = pid.to_string();
    let all = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.filter(|pid| status(*pid, "PPid").as_ref() == Some(&parent)).collect()
}

/// Waits until a process is gone: its pidfd says so.
pub async fn gone(pid: u32) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let wait = move || {
        let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&patience)).unwrap()
    };
    assert_eq!(tokio::task::spawn_blocking(wait).await.unwrap(), 1, "it is still there");
}

pub fn kill(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
