//! The app: one window, with the sidecar beside it.
//!
//! All that there is to it is in the window (`shell/src`) and in the plugin, which runs the sidecar
//! and ends it with the app.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() {
    tauri::Builder::default()
        .plugin(tauri_plugin_ai_sidecar::init())
        .run(tauri::generate_context!())
        .expect("the app could not be run");
}
