//! Windows: a job that ends the sidecar, and all that it has started, when the app ends in any way.

use win32job::{ExtendedLimitInfo, Job};

/// Puts the process into a job of its own. The job ends with what this returns.
pub(crate) fn hold(process: &tokio::process::Child) -> Option<Job> {
    let mut limits = ExtendedLimitInfo::new();
    limits.limit_kill_on_job_close();
    let held = Job::create_with_limit_info(&limits).and_then(|job| {
        if let Some(handle) = process.raw_handle() {
            job.assign_process(handle as isize)?;
        }
        Ok(job)
    });
    // without it the end of stdin still ends the sidecar
    held.inspect_err(|error| log::warn!("no job for the sidecar: {error}")).ok()
}
