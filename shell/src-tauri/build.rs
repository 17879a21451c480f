//! Puts `dist/`, the configuration and the capabilities into the program.

fn main() {
    // what Vite makes; an empty one will do to check and to lint
    std::fs::create_dir_all("../dist").expect("dist/ can be made");
    // nothing else notices files that come into a folder that was empty
    println!("cargo:rerun-if-changed=../dist");
    tauri_build::build();
}
