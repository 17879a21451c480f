"""What the frozen programs have in them, and what they have not."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from target_triple import triple
from tests.conftest import ROOT, missing
from tests.frozen.conftest import Installed, Launch, ask_demo

VARIANTS = {"sse42", "haswell", "alderlake", "icelake", "zen4"}
PC = (sys.platform, platform.machine()) == ("linux", "x86_64")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")


def packages(program: Path) -> set[str]:
    """The packages in a program and in the folder beside it, by the archive that it carries."""
    readers = importlib.import_module("PyInstaller.archive.readers")
    archive = readers.CArchiveReader(str(program))
    found = set(archive.open_embedded_archive("PYZ.pyz").toc) | set(archive.toc)
    beside = program.parent / "_internal"
    found |= {path.name for path in beside.glob("*")} if beside.exists() else set()
    return {re.split(r"[./-]", name)[0] for name in found}


@pytest.mark.parametrize("form", ["one file", "folder"])
def test_the_sidecar_has_nothing_of_the_local_engine(form: str, installed: Installed) -> None:
    found = packages(installed.form(form))
    assert {"sidecar", "httpx", "keyring", "cryptography", "sqlite3", "certifi"} <= found
    assert not found & {"llama_cpp", "numpy", "pygments", "yaml", "pytest", "PyInstaller"}


@pytest.mark.usefixtures("needs_worker")
def test_the_worker_has_nothing_that_reaches_out_or_keeps_secrets(installed: Installed) -> None:
    found = packages(installed.worker / "ai-sidecar-llama")
    assert {"sidecar", "llama_cpp", "numpy"} <= found
    network = {"httpx", "httpcore", "h11", "ssl", "openai", "requests", "anyio", "pydantic_core"}
    assert not found & (network | {"keyring", "cryptography", "sqlite3", "diskcache", "psutil"})
    assert not list(installed.worker.rglob("libcrypto*"))


def test_the_one_file_is_named_as_tauri_wants_it(installed: Installed) -> None:
    assert installed.one_file.name == f"ai-sidecar-{triple()}"
    if PC:
        assert triple() == "x86_64-unknown-linux-gnu"
    if shutil.which("rustc"):
        done = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=False)  # noqa: S607 - PATH's
        # rustup's stand-in fails where no toolchain is chosen
        assert done.returncode or f"host: {triple()}\n" in done.stdout


@pytest.mark.skipif(not PC, reason="only there are there several")
@pytest.mark.usefixtures("needs_worker")
def test_the_worker_has_code_for_these_processors_and_none_for_amx(installed: Installed) -> None:
    files = (installed.worker / "_internal").rglob("libggml-cpu-*.so")
    assert {file.stem.removeprefix("libggml-cpu-") for file in files} == VARIANTS


@pytest.mark.skipif(not PC, reason="reads PC's instructions")
@pytest.mark.usefixtures("needs_worker")
def test_on_a_processor_without_avx_no_instruction_of_llama_cpp_needs_it(
    installed: Installed,
) -> None:
    if shutil.which("objdump") is None:
        missing("objdump", "apt-get install -y binutils")
    folder = installed.worker / "_internal" / "llama_cpp" / "lib"
    assert uses_avx(folder / "libggml-cpu-haswell.so")
    for name in ("libllama.so", "libggml.so", "libggml-base.so.0", "libggml-cpu-sse42.so"):
        assert not uses_avx(folder / name), name


def uses_avx(library: Path) -> bool:
    with subprocess.Popen(
        ["objdump", "--disassemble", "--no-show-raw-insn", library],  # noqa: S607 - PATH's
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = any("%ymm" in line or "%zmm" in line for line in process.stdout)
        process.stdout.read()
    return found


@pytest.mark.usefixtures("needs_worker")
def test_what_runs_comes_from_the_installation_and_the_system_alone(
    installed: Installed, launch: Launch
) -> None:
    peer = launch(installed.in_folder)
    ask_demo(peer)
    [worker] = children(peer.process_id)
    foreign = tuple(map(str, {ROOT, Path(sys.prefix), Path(sys.base_prefix)} - {Path("/usr")}))
    for process in (peer.process_id, worker):
        maps = Path(f"/proc/{process}/maps").read_text(encoding="utf-8")
        files = {line.split(maxsplit=5)[5] for line in maps.splitlines() if line.count("/")}
        assert any(each.startswith(str(installed.root)) for each in files)
        assert [each for each in files if each.startswith(foreign)] == []
    if PC:
        [used] = set(re.findall(r"libggml-cpu-(\w+)\.so", maps))
        assert used in fitting()


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(each) for each in text.split()]


def fitting() -> set[str]:
    """The kinds whose instructions this machine has, the best ones it has at that."""
    has = set(re.findall(r"\w+", Path("/proc/cpuinfo").read_text(encoding="ascii")))
    if {"avx512_vnni", "avx512vbmi", "avx512bw"} <= has:
        return {"zen4"} if "avx512_bf16" in has else {"icelake"}
    if "avx2" in has:
        return {"alderlake"} if "avx_vnni" in has else {"haswell"}
    return {"sse42"}
