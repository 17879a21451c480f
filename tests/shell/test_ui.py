"""The app's page: its own unit tests, and what is said of the app where it is configured."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from sidecar import __version__
from tests.conftest import ROOT, clean_environment, node_program

SHELL = ROOT / "shell"
APP = SHELL / "src-tauri"


def test_the_page_passes_its_own_tests(tmp_path: Path) -> None:
    node = node_program("node", SHELL)
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [node, str(SHELL / "node_modules" / "vitest" / "vitest.mjs"), "run"],
        cwd=SHELL,
        env=clean_environment(tmp_path, PATH=path, NO_COLOR="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout


def test_the_app_can_do_nothing_but_talk_to_the_sidecar() -> None:
    config = json.loads((APP / "tauri.conf.json").read_text(encoding="utf-8"))
    [path] = (APP / "capabilities").glob("*.json")
    capability = json.loads(path.read_text(encoding="utf-8"))
    assert config["app"]["security"]["capabilities"] == [capability["identifier"]]
    assert capability["windows"] == ["main"]
    assert all(each.startswith("ai-sidecar:") for each in capability["permissions"])
    policy = config["app"]["security"]["csp"]
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "ipc: http://ipc.localhost"
    assert "unsafe" not in json.dumps(policy)
    assert "devUrl" not in config["build"]
    assert not {"configure_provider", "shutdown", "*"} & {
        *config["plugins"]["ai-sidecar"]["methods"]["main"]
    }


def test_no_component_puts_html_into_the_page() -> None:
    for path in SHELL.glob("src/**/*"):
        if path.suffix in {".svelte", ".ts"}:
            found = re.search(r"\{@html|innerHTML|localStorage", path.read_text(encoding="utf-8"))
            assert not found, f"{path}: {found}"


def test_its_versions_are_the_repositorys() -> None:
    package = json.loads((SHELL / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__
    assert f'version = "{__version__}"' in (APP / "Cargo.toml").read_text(encoding="utf-8")
