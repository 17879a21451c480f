"""Writes build/constraints.txt: the version of every package that the frozen programs take in.

scripts/setup installs by it, so that what is frozen changes with a commit and not with the day. To
take newer ones: empty the file, remove .venv, call `scripts/setup --for freeze`, and this with the
new environment's Python. It has to be the oldest Python, on Linux: that one has them all, but for
those that macOS and Windows alone have, which are not pinned.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILE = Path(__file__).parent / "constraints.txt"
_ROOT = Requirement("ai-sidecar[freeze,local]")
_NOT_FROZEN = {"ai-sidecar", "setuptools"}
"""Itself; and what PyInstaller uses of the environment's own, whatever fits its Python."""
_HEADER = "# Written by build/pins.py, which says how: what freezes, and what is frozen.\n"


def installed() -> dict[str, str]:
    """The versions of all packages that are needed for it here, in the order of their names."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    left = [_ROOT]
    while left:
        wanted = left.pop()
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        package = distribution(wanted.name)
        found[canonicalize_name(wanted.name)] = package.version
        for needed in map(Requirement, package.requires or []):
            marker = needed.marker
            extras = ("", *wanted.extras)
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                left.append(needed)
    return {name: found[name] for name in sorted(found.keys() - _NOT_FROZEN)}


def pinned() -> dict[str, str]:
    """The versions that stand in the file."""
    lines = FILE.read_text(encoding="ascii").splitlines()
    pairs = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {name: version for name, _, version in pairs}


def main() -> None:
    """Write the file."""
    lines = [f"{name}=={version}\n" for name, version in installed().items()]
    FILE.write_text(_HEADER + "".join(lines), encoding="ascii")


if __name__ == "__main__":
    main()
