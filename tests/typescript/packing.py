"""@ai-sidecar/client as npm would publish it, packed from the sources as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environment, node_program

CLIENT = ROOT / "protocol" / "typescript"


def run(
    folder: Path, home: Path, *command: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of Node's, and show what it said where it fails."""
    beside = str(Path(command[0]).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", "")])
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(home, PATH=path, NO_COLOR="1", **environment),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=240,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command[1:])}:\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done


def install(work: Path, node_modules: Path) -> Path:
    """Pack the client in one folder, install it into another; return where it is installed."""
    (work / "node_modules").symlink_to(CLIENT / "node_modules", target_is_directory=True)
    source = work / "source"
    shutil.copytree(CLIENT, source, ignore=shutil.ignore_patterns("node_modules", "dist"))
    run(source, work, node_program("npm", CLIENT), "pack", "--pack-destination", str(work))
    [packed] = work.glob("*.tgz")
    into = node_modules / "@ai-sidecar" / "client"
    with tarfile.open(packed) as archive:
        for member in archive:
            path = into / member.name.removeprefix("package/")
            path.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(member)
            assert content is not None, member.name
            path.write_bytes(content.read())
    return into
