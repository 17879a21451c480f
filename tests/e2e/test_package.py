"""The app's .deb: what it says of itself, and what is in it."""

from __future__ import annotations

import configparser
import hashlib
import os
import re
import stat
import struct
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import freeze
from sidecar import __version__
from tests.e2e.building import LIMIT_S, PROGRAM

pytestmark = [pytest.mark.long, pytest.mark.timeout(LIMIT_S)]
ICONS = {"32x32": 32, "128x128": 128, "256x256@2": 256}
RESOURCES = "usr/lib/AI Sidecar"
WORKER = f"{RESOURCES}/ai-sidecar-llama"


@dataclass(frozen=True)
class Content:
    """What a package unpacks to."""

    root: Path
    members: dict[str, tarfile.TarInfo]

    def path(self, name: str) -> Path:
        return self.root / name

    @property
    def files(self) -> set[str]:
        return {name for name, member in self.members.items() if not member.isdir()}


@pytest.fixture(scope="module")
def content(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Content:
    """What is in it."""
    root = tmp_path_factory.mktemp("package")
    archive = root / "content.tar"
    with archive.open("wb") as file:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], stdout=file, check=True)  # noqa: S607 - PATH's
    with tarfile.open(archive) as members:
        members.extractall(root, filter="tar")
        return Content(root, {member.name.removeprefix("./"): member for member in members})


def test_it_says_what_it_is_and_what_it_needs(deb: Path) -> None:
    said = _run("dpkg-deb", "--field", str(deb))
    fields = dict(re.findall(r"^([\w-]+): (.*)$", said, re.MULTILINE))
    size = int(fields.pop("Installed-Size"))
    glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()[-1]  # that which the freezing was on
    assert fields == {
        "Package": "ai-sidecar",
        "Version": __version__,
        "Architecture": _run("dpkg", "--print-architecture").strip(),
        "Maintainer": "AI Sidecar contributors",
        "Section": "utils",
        "Priority": "optional",
        "Depends": f"libc6 (>= {glibc}), libwebkit2gtk-4.1-0, libgtk-3-0",
        "Description": "Chat with any AI provider, or offline",
    }
    assert 50_000 < size < 150_000  # kB, of a debug build


def test_it_has_the_frozen_programs_as_they_were_made_and_nothing_twice(content: Content) -> None:
    made = freeze.make(freeze.makeable())
    pairs = {"usr/bin/ai-sidecar": made / freeze.ONE_FILE}
    for path in (made / freeze.WORKER).rglob("*"):
        if not path.is_dir():
            pairs[f"{RESOURCES}/{path.relative_to(made).as_posix()}"] = path
    assert {name for name in content.files if name.startswith(RESOURCES)} == pairs.keys() - {
        "usr/bin/ai-sidecar"
    }
    for name, path in pairs.items():
        assert _digest(content.path(name)) == _digest(path), name
        assert os.access(content.path(name), os.X_OK) == os.access(path, os.X_OK), name
    large = [name for name in content.files if content.members[name].size > 50_000]
    assert len({_digest(content.path(name)) for name in large}) == len(large)


def test_there_is_no_junk_in_it(content: Content) -> None:
    others = {name for name in content.files if not name.startswith(f"{WORKER}/")}
    icons = {f"usr/share/icons/hicolor/{size}/apps/{PROGRAM}.png" for size in ICONS}
    assert others == icons | {
        "usr/bin/ai-sidecar",
        f"usr/bin/{PROGRAM}",
        "usr/share/applications/AI Sidecar.desktop",
        "usr/share/doc/ai-sidecar/copyright",
    }
    kinds = {Path(name).suffix for name in content.files}
    assert not kinds & {".py", ".pyc", ".a", ".h", ".pyi", ".map", ".log", ".toml", ".lock"}
    for name, member in content.members.items():
        assert (member.uid, member.gid) == (0, 0), name
        assert not member.mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), name
        assert member.isfile() or member.isdir(), name


def test_a_desktop_finds_it_with_its_icon(content: Content) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # keys keep their capitals
    [path] = content.path("usr/share/applications").iterdir()
    parser.read(path, encoding="utf-8")
    entry = dict(parser["Desktop Entry"])
    assert entry == {
        "Type": "Application",
        "Name": "AI Sidecar",
        "Comment": "Chat with any AI provider, or offline",
        "Exec": PROGRAM,
        "Icon": PROGRAM,
        "StartupWMClass": PROGRAM,
        "Categories": "Development;",
        "Terminal": "false",
    }
    assert os.access(content.path("usr/bin") / entry["Exec"], os.X_OK)
    for folder, size in ICONS.items():
        icon = content.path(f"usr/share/icons/hicolor/{folder}/apps/{entry['Icon']}.png")
        assert icon.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", icon.read_bytes()[16:24]) == (size, size)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(*command: str) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
    return done.stdout
