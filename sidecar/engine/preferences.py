"""What is set over RPC: kept in sidecar.db, laid over the directory of providers.

config.toml is the user's own and is never written; what stands in here can be no more than
`Overrides` has.
"""

from __future__ import annotations

import anyio
import anyio.to_thread
import msgspec

from sidecar.engine.addresses import checked_url
from sidecar.engine.directory import Active, Directory, Overrides, Row
from sidecar.errors import AIError, ConfigError, StorageError
from sidecar.keys.guard import SHORTEST_KEY
from sidecar.records.database import Database


class Preferences:
    """Sets the directory, and keeps what was set."""

    def __init__(self, directory: Directory, database: Database) -> None:
        self._directory = directory
        self._database = database
        self._storing = anyio.Lock()

    def load(self) -> list[str]:
        """Read what was set over RPC; return what of it was not usable."""
        try:
            stored = self._database.read_settings()
        except StorageError as error:
            return [f"{error.message} {error.hint}"]
        problems = []
        for name, value in stored.items():
            try:
                self._take(name, value)
            except (msgspec.DecodeError, UnicodeDecodeError, ConfigError) as error:
                problems.append(f"The stored setting {name} can't be read and is ignored: {error}.")
        return problems

    async def configure(self, provider: str, overrides: Overrides) -> Row:
        """Set what RPC sets for a provider, and keep it.

        One that was made over RPC goes with its format; what is returned is then what it was.
        Raises `ProviderNotFound` and `StorageError`, and has then changed nothing.
        """
        directory = self._directory
        before = directory.overrides.get(provider, Overrides())
        stays = provider in directory.built_in or overrides.format is not None
        row = directory.row(provider) if provider in directory.names() else None
        self._override(provider, overrides if stays else Overrides())
        try:
            if stays or row is None:
                row = directory.row(provider)
            now = directory.overrides.get(provider)
            value = msgspec.json.encode(now) if now is not None else None
            await self._store(f"provider:{provider}", value)
        except AIError:
            self._override(provider, before)
            raise
        return row

    async def activate(self, active: Active) -> None:
        """Set the provider that requests without one go to, and keep it."""
        self._directory.row(active.provider)
        await self._store("active", msgspec.json.encode(active))
        self._directory.active = active

    def holding(self, text: str) -> str | None:
        """Return the provider in whose settings this text stands, if it does in any.

        A short text is a word, and may stand there by chance: `lm-studio` is a key, too.
        """
        if len(text) < SHORTEST_KEY:
            return None
        for provider, overrides in self._directory.overrides.items():
            values = msgspec.structs.asdict(overrides).values()
            if text in provider or any(isinstance(each, str) and text in each for each in values):
                return provider
        active = self._directory.active
        return active.provider if text in (active.model or "") else None

    def _take(self, name: str, value: bytes) -> None:
        kind, _, provider = name.partition(":")
        if kind == "provider":
            overrides = msgspec.json.decode(value, type=Overrides)
            if overrides.base_url is not None:
                checked_url(overrides.base_url)
            self._override(provider, overrides)
        elif kind == "active":
            self._directory.active = msgspec.json.decode(value, type=Active)

    def _override(self, provider: str, overrides: Overrides) -> None:
        if overrides == Overrides():
            self._directory.overrides.pop(provider, None)
        else:
            self._directory.overrides[provider] = overrides

    async def _store(self, name: str, value: bytes | None) -> None:
        # One after the other: threads would overtake each other, and an older value stay.
        async with self._storing:
            await anyio.to_thread.run_sync(self._database.write_setting, name, value)
