//! The app: one window, with the sidecar beside it.
//!
//! All that there is to it is in the window (`shell/src`) and in the plugin, which runs the sidecar
//! and ends it with the app.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use tauri::plugin::{Builder, TauriPlugin};
use tauri::{Runtime, Url};

fn main() {
    tauri::Builder::default()
        .plugin(tauri_plugin_ai_sidecar::init())
        .plugin(own_pages())
        .run(tauri::generate_context!())
        .expect("the app could not be run");
}

/// Keeps the window on the app's own page: a link, or a script, leads nowhere else.
fn own_pages<R: Runtime>() -> TauriPlugin<R> {
    Builder::new("own-pages").on_navigation(|_, url| is_own(url)).build()
}

fn is_own(url: &Url) -> bool {
    // on Windows and Android; elsewhere that name is any server's on this machine
    let served = cfg!(any(windows, target_os = "android"))
        && url.host_str() == Some("tauri.localhost")
        && url.port().is_none();
    let developed = cfg!(dev) && url.host_str() == Some("localhost") && url.port() == Some(5173);
    let empty = url.as_str() == "about:blank";
    url.scheme() == "tauri" || served || developed || empty
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_others_are_not_its_own() {
        assert!(is_own(&"tauri://localhost/index.html#top".parse().unwrap()));
        let served = "http://tauri.localhost/index.html".parse().unwrap();
        assert_eq!(is_own(&served), cfg!(any(windows, target_os = "android")));
        for other in [
            "https://example.org/",
            "http://localhost:8080/",
            "http://tauri.localhost:8080/",
            "http://tauri.localhost.example.org/",
            "file:///etc/passwd",
            "data:text/html,hello",
        ] {
            assert!(!is_own(&other.parse().unwrap()), "{other}");
        }
    }
}
