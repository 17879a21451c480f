//! The app's end.

use tauri::{AppHandle, Manager, RunEvent, Runtime, WindowEvent};

use crate::Supervisor;

/// What the plugin does at the app's own events.
pub(crate) fn happened<R: Runtime>(app: &AppHandle<R>, event: &RunEvent) {
    match event {
        // not at `ExitRequested`: the app may still refuse to end then
        RunEvent::Exit => {
            let sidecar = app.state::<Supervisor>().inner().clone();
            tauri::async_runtime::block_on(async move { sidecar.stop().await });
        }
        RunEvent::WindowEvent { label, event: WindowEvent::Destroyed, .. } => {
            app.state::<Supervisor>().page_gone(label);
        }
        _ => {}
    }
}

/// Ends the app in good order at SIGTERM and SIGINT. A second signal ends it at once.
#[cfg(unix)]
pub(crate) fn at_signals<R: Runtime>(app: AppHandle<R>) {
    use tokio::signal::unix::{SignalKind, signal};

    tauri::async_runtime::spawn(async move {
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            log::warn!("signals can't be waited for");
            return;
        };
        let mut before = false;
        loop {
            let number = tokio::select! {
                _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
                _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            };
            if before {
                std::process::exit(128 + number);
            }
            before = true;
            app.exit(128 + number);
        }
    });
}
