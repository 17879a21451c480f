"""What config.toml and the environment say about the network, read once and told where it is wrong.

Nothing of it can be set over RPC. Nothing here opens a connection; `sidecar/providers/network`
does, by what is read here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.errors import ConfigError
from sidecar.providers.network.proxies import Choice, choice
from sidecar.settings import UNREADABLE, Config, Settings

if TYPE_CHECKING:
    from sidecar.providers.network.trust import CaFile


class Network:
    """The proxies and the CA file that were chosen."""

    def __init__(self, config: Config | None = None, home: Path = Path()) -> None:
        config = config or Config()
        self._told: list[str] = []
        file = config.network.ca_file
        self.ca_file: CaFile = home / Path(file).expanduser() if file else None
        if file == UNREADABLE:
            self.ca_file = "unusable"
        self.proxy = self._choice("network", config.network.proxy)
        self._own = {
            name: self._choice(f"providers.{name}", row.proxy)
            for name, row in config.providers.items()
        }

    @classmethod
    def of(cls, settings: Settings) -> Network:
        """Read what the sidecar is started with."""
        return cls(settings.config, settings.home)

    def proxy_of(self, provider: str) -> Choice:
        """Return the provider's own proxy, if it has one."""
        return self._own.get(provider)

    def problems(self) -> Iterator[str]:
        """What can't be used, for people. Reads the CA file, if there is one."""
        yield from self._told
        if any(name.lower().endswith("_proxy") for name in os.environ):
            from sidecar.providers.network.routes import Routes  # noqa: PLC0415 - few have them

            yield from Routes(self.proxy).problems()
        if isinstance(self.ca_file, Path):  # of one that is unusable config.toml's reader has told
            from sidecar.providers.network.trust import Trust  # noqa: PLC0415 - few have such a file

            try:
                Trust(self.ca_file).check()
            except ConfigError as error:
                yield f"{error.message} {error.hint}"

    def _choice(self, table: str, given: str | None) -> Choice:
        try:
            return choice(given, f"`proxy` in [{table}] of config.toml")
        except ConfigError as error:
            if given != UNREADABLE:  # of that the reader of the file has told
                what = "No other machine is" if table == "network" else "The provider is not"
                end = f"{what} asked until then."
                self._told.append(f"{error.message} {error.hint} {end}")
            return "unusable"
