"""@ai-sidecar/client, by its own tests, and as npm would publish it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from sidecar import __version__
from tests.conftest import ROOT, node_program
from tests.typescript.packing import CLIENT, install, run

PUBLISHED = {
    f"dist/{path.stem}.{kind}" for path in (CLIENT / "src").glob("*.ts") for kind in ("js", "d.ts")
} | {"LICENSE", "README.md", "package.json"}
LOCKS = (CLIENT, ROOT / "tests" / "aimock", ROOT / "shell")
USE = """
import { AIClient } from "@ai-sidecar/client";
import { StdioTransport } from "@ai-sidecar/client/stdio";
import { TauriTransport } from "@ai-sidecar/client/tauri";

const [command, ...args] = JSON.parse(process.argv[2]);
const client = await AIClient.connect(new StdioTransport({ command, args }));
const stream = client.streamProvider("scripted", {
  model: "hello",
  messages: [{ role: "user", content: "Hello?" }],
});
let text = "";
for await (const chunk of stream) text += chunk.content ?? "";
await client.close();
console.log(JSON.stringify([text, typeof TauriTransport]));
"""


@pytest.mark.timeout(300)  # its own tests' limits are shorter, and say more
def test_it_passes_its_own_tests(tmp_path: Path) -> None:
    node = node_program("node", CLIENT)
    vitest = str(CLIENT / "node_modules" / "vitest" / "vitest.mjs")
    run(CLIENT, tmp_path, node, vitest, "run", AI_SIDECAR_PYTHON=sys.executable)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has installed the package, packed from the sources as they are."""
    folder = tmp_path_factory.mktemp("typescript")
    install(folder, folder / "app" / "node_modules")
    return folder / "app"


def test_what_is_published_is_the_built_client_and_its_papers(app: Path) -> None:
    package = app / "node_modules" / "@ai-sidecar" / "client"
    found = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert found == PUBLISHED


def test_plain_node_uses_the_installed_package(app: Path, tmp_path: Path) -> None:
    (app / "use.mjs").write_text(USE, encoding="utf-8")
    sidecar = [
        *(sys.executable, "-m", "sidecar"),
        *("--scripted", str(ROOT / "protocol" / "sessions" / "scripted")),
    ]
    done = run(app, tmp_path, node_program("node", CLIENT), "use.mjs", json.dumps(sidecar))
    assert json.loads(done.stdout) == ["Hello!", "function"]


def test_the_examples_of_its_readme_fit_its_types(app: Path, tmp_path: Path) -> None:
    text = (CLIENT / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```ts\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(examples) > 3
    for place, example in enumerate(examples):
        # what an example takes for granted stands here, for those that use it
        granted = "declare function show(text: string): void;\n"
        if "await AIClient.connect" not in example:
            granted += 'declare const client: import("@ai-sidecar/client").AIClient;\n'
        (app / f"readme{place}.mts").write_text(f"{granted}{example}\nexport {{}};\n", "utf-8")
    options = {"strict": True, "noEmit": True, "module": "nodenext", "target": "es2022"}
    config = {"compilerOptions": options | {"types": ["node"], "skipLibCheck": False}}
    (app / "tsconfig.json").write_text(json.dumps(config), encoding="utf-8")
    tsc = str(CLIENT / "node_modules" / "typescript" / "bin" / "tsc")
    run(app, tmp_path, node_program("node", CLIENT), tsc)


def test_its_licence_and_version_are_the_repositorys() -> None:
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    package = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__


@pytest.mark.parametrize("lock", LOCKS, ids=lambda each: each.name)
def test_a_lock_names_no_registry_and_is_that_of_its_package(lock: Path) -> None:
    text = (lock / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text  # so that any registry, or a mirror of one, serves
    assert "https://registry" not in text
    package = json.loads((lock / "package.json").read_text(encoding="utf-8"))
    locked = json.loads(text)["packages"]
    assert locked[""]["devDependencies"] == package["devDependencies"]
    # a platform's own part that the registry did not have when this was made would fail `npm ci`
    needed = {name for each in locked.values() for name in each.get("optionalDependencies", ())}
    assert {f"node_modules/{name}" for name in needed} <= locked.keys()
