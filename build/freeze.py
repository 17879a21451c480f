"""Makes the frozen programs by PyInstaller and lays them where they are wanted.

They are made in a folder outside of the clone, one for each clone, and kept there together with
what PyInstaller remembers: a change of one line takes seconds, and no change takes none. What a
part was made of is told by a hash of contents; without that folder everything is made anew.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution, distributions
from importlib.util import find_spec
from pathlib import Path

from target_triple import triple

ROOT = Path(__file__).parent.parent
WORKER = "ai-sidecar-llama"
FOLDER = "ai-sidecar"
ONE_FILE = f"ai-sidecar-{triple()}"
_SUFFIX = ".exe" if sys.platform == "win32" else ""
_LOG_LINES = 30
_CLONE = "clone"
"""The file that names the clone that a folder belongs to."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one run of PyInstaller makes."""

    spec: str
    title: str
    products: tuple[str, ...]
    sources: tuple[str, ...]


SIDECAR = Part(
    "ai-sidecar.spec",
    "ai-sidecar, as one file and as a folder",
    (ONE_FILE + _SUFFIX, FOLDER),
    ("sidecar/**/*.py", "sidecar/providers/known_models.json"),
)
LOCAL_ENGINE = Part(
    "ai-sidecar-llama.spec",
    "ai-sidecar-llama, the worker for local models",
    (WORKER,),
    ("sidecar/**/*.py", "sidecar/local/demo.*"),
)
PARTS = {"sidecar": SIDECAR, "worker": LOCAL_ENGINE}


class Failed(Exception):
    """PyInstaller gave up; the text is the end of what it said."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/freeze", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of: {', '.join(PARTS)} (all)")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument(
        "--only-make", action="store_true", help="lay them nowhere: the tests find them"
    )
    parser.add_argument("--from", dest="folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    wanted = [PARTS[name] for name in PARTS if name in options.parts] or makeable()
    try:
        made = make(wanted)
    except Failed as failure:
        _say(f"✗ {failure}")
        return 1
    if options.only_make:
        return 0
    into = options.folder / options.into
    lay(made, into, wanted)
    for name in (product for part in wanted for product in part.products):
        sys.stdout.write(f"{_megabytes(into / name):6.1f} MB  {into / name}\n")
    return 0


def makeable() -> list[Part]:
    """The parts that this environment can make: without llama.cpp there is no worker."""
    return [SIDECAR, LOCAL_ENGINE] if find_spec("llama_cpp") else [SIDECAR]


def make(parts: Sequence[Part]) -> Path:
    """Make what is not there or not of today's sources; return the folder of products.

    One at a time: who comes while somebody else makes them waits, and finds them made. Raises
    `Failed`.
    """
    place = _place()
    place.mkdir(parents=True, exist_ok=True)
    (place / _CLONE).write_bytes(os.fsencode(ROOT))
    _forget_clones_that_are_gone(place.parent)
    with _alone(place / "lock"):
        for part in parts:
            stamp, found = place / f"{part.spec}.made-of", _made_of(part)
            there = all((place / "dist" / name).exists() for name in part.products)
            if there and stamp.exists() and stamp.read_text(encoding="ascii") == found:
                continue
            stamp.unlink(missing_ok=True)
            began = time.monotonic()
            _say(f"· {part.title} …", end="")
            _run_pyinstaller(part, place)
            _say(f" {time.monotonic() - began:.0f} s")
            stamp.write_text(found, encoding="ascii")
    return place / "dist"


def lay(made: Path, into: Path, parts: Sequence[Part]) -> None:
    """Put the products into a folder, in the place of earlier ones: copies, to sign and to ship.

    The sidecar's folder gets a worker of its own; the one file finds the one beside it.
    """
    into.mkdir(parents=True, exist_ok=True)
    for name in (product for part in parts for product in part.products):
        _copy(made / name, into / name)
    if SIDECAR in parts and LOCAL_ENGINE in parts:
        _copy(made / WORKER, into / FOLDER / WORKER)


def _copy(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


def _run_pyinstaller(part: Part, place: Path) -> None:
    log = place / f"{part.spec}.log"
    command = (
        *(sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"),
        *("--workpath", str(place / "work"), "--distpath", str(place / "dist")),
        str(ROOT / "build" / part.spec),
    )
    # the same sources give the same bytes, as far as PyInstaller can: no random order of sets
    environment = os.environ | {
        "PYTHONHASHSEED": "0",
        "PYINSTALLER_CONFIG_DIR": str(place / "cache"),
    }
    with log.open("wb") as said:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            check=False,
        )
    if done.returncode:
        end = log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:]
        raise Failed(f"{part.title}: failed; the end of {log}:\n" + "\n".join(end))


def _made_of(part: Part) -> str:
    """Hash everything that a part is made of."""
    digest = hashlib.sha256()
    patterns = (*part.sources, "build/*.py", f"build/{part.spec}", "pyproject.toml")
    for file in sorted({file for pattern in patterns for file in ROOT.glob(pattern)}):
        digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes())
    installed = sorted(f"{each.name}=={each.version}" for each in distributions())
    digest.update("\n".join([sys.version, sys.base_prefix, *installed]).encode())
    if part is LOCAL_ENGINE:
        # of one version there may be several builds
        digest.update((distribution("llama_cpp_python").read_text("RECORD") or "").encode())
    return digest.hexdigest()


def _place() -> Path:
    """The folder outside of the clone, named after the clone's own."""
    usual = Path(os.environ["XDG_CACHE_HOME"]) if os.environ.get("XDG_CACHE_HOME") else None
    name = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:12]
    return (usual or Path.home() / ".cache") / "ai-sidecar" / "frozen" / name


def _forget_clones_that_are_gone(places: Path) -> None:
    """Give back what was made for them: some 300 MB each."""
    for named in places.glob(f"*/{_CLONE}"):
        if not Path(os.fsdecode(named.read_bytes())).exists():
            shutil.rmtree(named.parent, ignore_errors=True)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until nobody else makes programs of this clone."""
    with lock.open("a") as held:
        if sys.platform != "win32":
            import fcntl  # noqa: PLC0415 - does not exist on Windows

            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _megabytes(path: Path) -> float:
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir()) / 1e6


def _say(text: str, end: str = "\n") -> None:
    sys.stderr.write(text + end)
    sys.stderr.flush()


if __name__ == "__main__":
    # as an exception, which takes PyInstaller along; the signal alone would leave it running
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main())
