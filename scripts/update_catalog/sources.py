"""Where the sources come from: the two packages that pyproject.toml pins.

genai-prices is installed with the development dependencies. litellm is never installed, which would
bring thirty packages along: of its wheel one JSON file is read.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

from scripts.update_catalog.limits import Rows

ROOT = Path(__file__).parents[2]
_LIST = "litellm/model_prices_and_context_window_backup.json"
_PATIENCE_S = 600


class Unreachable(Exception):
    """The wheel could not be downloaded."""


def pinned() -> str:
    """Return litellm's pin, `litellm==VERSION`."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [found] = groups["dependency-groups"]["catalog"]
    return str(found)


def versions() -> dict[str, str]:
    """Return what the file is made of."""
    return {"genai-prices": version("genai-prices"), "litellm": pinned().partition("==")[2]}


def litellm_rows() -> Rows:
    """Download litellm's wheel (40 MB, which pip keeps) and read its list of models."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", folder, pinned()]
        done = subprocess.run(  # noqa: S603 - our own words
            command, stderr=subprocess.PIPE, text=True, check=False, timeout=_PATIENCE_S
        )
        if done.returncode:
            raise Unreachable(done.stderr.strip())
        [wheel] = Path(folder).iterdir()
        with zipfile.ZipFile(wheel) as archive:
            rows: Rows = json.loads(archive.read(_LIST))
            return rows
