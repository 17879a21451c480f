"""What a request needs a key for."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.keys.index import Entry


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request needs a key for. `origin` is where it goes; None: nowhere yet.

    `environment_origins` are those that a key in the environment is for: what the catalogue and
    config.toml say, and nothing that was set over RPC.
    """

    provider: str
    display_name: str
    origin: str | None
    variables: tuple[str, ...] = ()
    environment_origins: frozenset[str] = frozenset()
    required: bool = True

    def fits(self, entry: Entry) -> bool:
        """True where that key may go where the request goes."""
        return self.origin is None or self.origin in entry.origins
