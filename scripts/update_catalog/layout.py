"""The file's text: one line for each model, so that a change shows what it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from sidecar.providers.known_models import KnownFile


def text(file: KnownFile) -> str:
    """Return the file as it is written."""
    return "\n".join(_lines(file)) + "\n"


def read(data: bytes) -> KnownFile:
    """Read a file. Raises `msgspec.DecodeError` for anything that does not belong there."""
    return msgspec.json.decode(data, type=KnownFile)


def changes(old: KnownFile, new: KnownFile) -> Iterator[str]:
    """Yield what a new file says otherwise than an old one."""
    for host in sorted(old.hosts.keys() | new.hosts.keys()):
        before, after = _rows(old, host), _rows(new, host)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield f"{host} {name}: {before.get(name, 'not there')} → {after.get(name, 'gone')}"


def _rows(file: KnownFile, host: str) -> dict[str, str]:
    known = file.hosts.get(host)
    if known is None:
        return {}
    rows = {name: _json(model) for name, model in known.models.items()}
    return rows | {other: rows[name] for other, name in known.alike.items()}


def _lines(file: KnownFile) -> Iterator[str]:
    yield f'{{"date":{_json(file.date)},"sources":{_json(file.sources)},"hosts":{{'
    for place, (name, host) in enumerate(file.hosts.items(), start=1):
        yield f'{_json(name)}:{{"models":{{'
        yield from _entries(host.models)
        yield '},"alike":{'
        yield from _entries(host.alike)
        yield "}}," if place < len(file.hosts) else "}}"
    yield "}}"


def _entries(values: Mapping[str, object]) -> Iterator[str]:
    for place, (name, value) in enumerate(values.items(), start=1):
        yield f"{_json(name)}:{_json(value)}{',' if place < len(values) else ''}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
