"""A fresh Tauri app, as somebody has it who adds the sidecar to it by the lines of the README."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from shlex import quote

from target_triple import triple
from tests.conftest import ROOT
from tests.e2e.building import SHELL, alone, path, run

PLUGIN = SHELL / "tauri-plugin-ai-sidecar"
READMES = {
    SHELL / "README.md": "## In an app of your own",
    PLUGIN / "README.md": "## Ten lines",
}
NAME = "own-app"
CARGO = f"""
[package]
name = "{NAME}"
version = "0.1.0"
edition = "2024"

[workspace]

[build-dependencies]
tauri-build = {{ version = "2", default-features = false, features = [] }}

[dependencies]
serde_json = "1"
tauri = {{ version = "2", default-features = false, features = ["wry"] }}
LINES

[patch.crates-io] # until it is published
tauri-plugin-ai-sidecar = {{ path = {json.dumps(str(PLUGIN))} }}

[profile.dev] # as in shell/Cargo.toml, so that what was built there need not be built again
debug = 0
"""
RUST = """
fn main() {
    tauri::Builder::default()
        .run(tauri::generate_context!())
        .expect("the app could not be run");
}
"""
CONFIG: dict[str, object] = {
    "productName": NAME,
    "identifier": "com.example.own-app",
    "build": {"frontendDist": "../dist"},
    "app": {"windows": [{"label": "main", "title": "An app of one's own"}]},
    "bundle": {"active": True},
}
PAGE = '<!doctype html><html><body><script type="module" src="/main.ts"></script></body></html>'
TYPES = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
        "lib": ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
        "types": [],
    },
    "include": ["main.ts"],
}


def installed(readme: Path) -> list[str]:
    """The packages besides the client that a README's section has one install."""
    section = readme.read_text(encoding="utf-8").split(f"{READMES[readme]}\n")[1]
    [line] = re.findall(r"after `npm install (.+)`:", section)
    packages: list[str] = line.split()
    packages.remove("@ai-sidecar/client")
    return packages


def lines(readme: Path) -> dict[str, str]:
    """What is to be put where: the blocks of a README's section, by file or by language."""
    text = readme.read_text(encoding="utf-8").split(f"{READMES[readme]}\n")[1]
    section = re.split(r"^## ", text, flags=re.MULTILINE)[0]
    found = {}
    for block in re.finditer(r"^(.*)\n\n```(\w+).*\n([\s\S]*?)^```$", section, re.MULTILINE):
        named = re.match(r"`src-tauri/(\S+)`", block[1])
        found[named[1] if named else block[2]] = block[3]
    return found


def write(app: Path, added: dict[str, str]) -> None:
    """Write the app, with the lines in their places."""
    inner = app / "src-tauri"
    for folder in (app / "dist", inner / "src", inner / "capabilities", inner / "icons"):
        folder.mkdir(parents=True, exist_ok=True)
    header, _, dependencies = added["Cargo.toml"].partition("\n")
    assert header == "[dependencies]"
    files = {
        inner / "Cargo.toml": CARGO.replace("LINES", dependencies.strip()),
        inner / "build.rs": "fn main() {\n    tauri_build::build();\n}\n",
        inner / "src" / "main.rs": added["src/main.rs"],
        inner / "tauri.conf.json": json.dumps(
            merged(CONFIG, json.loads(added["tauri.conf.json"])), indent=2
        ),
        inner / "capabilities" / "main.json": added["capabilities/main.json"],
        app / "index.html": PAGE,
        app / "main.ts": added["ts"],
        app / "tsconfig.json": json.dumps(TYPES),
        app / "package.json": json.dumps({"name": NAME, "private": True, "type": "module"}),
    }
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    shutil.copy(SHELL / "Cargo.lock", inner)
    shutil.copy(SHELL / "src-tauri" / "icons" / "icon.png", inner / "icons")
    write_programs(inner / "binaries")


def merged(one: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    """Both, table by table."""
    found = dict(one)
    for key, value in other.items():
        former = found.get(key)
        tables = isinstance(former, dict) and isinstance(value, dict)
        found[key] = merged(former, value) if tables else value  # type: ignore[arg-type]
    return found


def write_programs(binaries: Path) -> None:
    """Write what `scripts/freeze` would: here programs that run from source."""
    worker = binaries / "ai-sidecar-llama"
    models = worker / "_internal" / "sidecar" / "local"
    models.mkdir(parents=True, exist_ok=True)
    for name in ("demo.gguf", "demo.json"):
        shutil.copy(ROOT / "sidecar" / "local" / name, models)
    programs = {
        binaries / f"ai-sidecar-{triple()}": "sidecar",
        worker / "ai-sidecar-llama": "sidecar.local.worker",
    }
    for file, module in programs.items():
        python = f"PYTHONPATH={quote(str(ROOT))} exec {quote(sys.executable)} -m {module}"
        file.write_text(f'#!/bin/sh\n{python} "$@"\n', encoding="utf-8")
        file.chmod(0o755)


def build(app: Path, into: Path) -> Path:
    """Build the app and lay it out as it would be installed below /usr; return its program."""
    node = shutil.which("node", path=path()) or "node"
    run(node, str(SHELL / "node_modules" / "vite" / "bin" / "vite.js"), "build", folder=app)
    with alone() as target:
        # in a folder that stays: cargo knows what it has built by its path
        place = target / "tmp" / NAME
        shutil.rmtree(place, ignore_errors=True)
        for part in ("dist", "src-tauri"):
            shutil.copytree(app / part, place / part)
        manifest = str(place / "src-tauri" / "Cargo.toml")
        run("cargo", "build", "--quiet", "--offline", "--manifest-path", manifest)
        # what Tauri lays beside the program, for `tauri dev`, would be there for the other app, too
        debug = target / "debug"
        (debug / "ai-sidecar").unlink(missing_ok=True)
        shutil.rmtree(debug / "ai-sidecar-llama", ignore_errors=True)
        (into / "bin").mkdir(parents=True)
        shutil.copy2(debug / NAME, into / "bin")
    binaries = app / "src-tauri" / "binaries"
    shutil.copy2(binaries / f"ai-sidecar-{triple()}", into / "bin" / "ai-sidecar")
    resources = into / "lib" / NAME / "ai-sidecar-llama"
    shutil.copytree(binaries / "ai-sidecar-llama", resources)
    return into / "bin" / NAME
