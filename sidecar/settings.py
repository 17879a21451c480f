"""Where settings come from: the home folder, config.toml, the command line.

config.toml is the user's own: the sidecar reads it and never writes it. A part that is wrong is
told with file and key path, and its defaults are used; the sidecar starts all the same.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta, Struct

from sidecar.keys.store import StoreName
from sidecar.providers.vendor import AuthStyle
from sidecar.rpc.lines import DEFAULT_LIMIT
from sidecar.rpc.params import explain
from sidecar.values import ApiVersion, NewProviderName, Organization, Timeouts

HOME_VARIABLE = "AI_SIDECAR_HOME"
NO_ADDRESS = ""
"""In the place of a `base_url` that can't be read."""
UNREADABLE = ""
"""In the place of a `proxy` or `ca_file` that can't be read: no request runs without it."""
_DEFAULT = " The default is used."
_Text = Annotated[str, Meta(min_length=1)]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of config.toml; a misspelled key is told."""


class ActiveSettings(_Part, frozen=True):
    """`active = { provider = "local", model = "demo" }`."""

    provider: str
    model: str | None = None


class ProviderSettings(_Part, frozen=True):
    """`[providers.NAME]`: a row of the catalogue changed, or a row of one's own."""

    format: str | None = None
    display_name: str | None = None
    base_url: str | None = None
    key_variable: Annotated[str, Meta(pattern=r"^[^=\s]+$")] | None = None
    model: str | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0)] | None = None
    organization: Organization | None = None
    api_version: ApiVersion | None = None
    auth: AuthStyle | None = None
    """Never set over RPC: it says where a key is written."""
    timeouts: Timeouts | None = None
    proxy: _Text | None = None
    """An address, or `direct`; instead of the network's."""


class NetworkSettings(_Part, frozen=True):
    """`[network]`. `proxy`: an address, or `direct`. `ca_file`: CAs besides the system's."""

    proxy: _Text | None = None
    ca_file: _Text | None = None


class ProtocolSettings(_Part, frozen=True):
    """`[protocol]`. `max_line_bytes`: a longer line from the client is refused."""

    max_line_bytes: Annotated[int, Meta(ge=1024)] = DEFAULT_LIMIT


class KeyStoreSettings(_Part, frozen=True):
    """`[key_store]`. `order`: where keys are looked for; a new one goes into the first that works.

    `lock_after_seconds`: the vault is locked when no key of it was used for so long; 0: never.
    """

    order: tuple[StoreName, ...] = ("keyring", "vault", "environment")
    lock_after_seconds: Annotated[int, Meta(ge=0)] = 3600


class Config(_Part, frozen=True):
    """The whole of config.toml."""

    active: ActiveSettings | None = None
    providers: dict[str, ProviderSettings] = {}
    timeouts: Timeouts = Timeouts()
    protocol: ProtocolSettings = ProtocolSettings()
    key_store: KeyStoreSettings = KeyStoreSettings()
    network: NetworkSettings = NetworkSettings()


class Settings(Struct, frozen=True, kw_only=True):
    """Everything the sidecar is started with. `problems` is for people: what was not usable."""

    home: Path
    config: Config
    scripted: Path | None = None
    worker: Path | None = None
    drain: bool = False
    problems: tuple[str, ...] = ()


def load(
    home: Path | None = None,
    scripted: Path | None = None,
    worker: Path | None = None,
    *,
    drain: bool = False,
) -> Settings:
    """Read the settings. Never raises for what is in config.toml."""
    home = (home or _home()).absolute()
    config, problems = _read_config(home / "config.toml")
    return Settings(
        home=home,
        config=config,
        scripted=scripted.absolute() if scripted else None,
        worker=worker.absolute() if worker else None,
        drain=drain,
        problems=tuple(problems),
    )


def _home() -> Path:
    if given := os.environ.get(HOME_VARIABLE):
        return Path(given).expanduser().absolute()
    import platformdirs  # noqa: PLC0415 - only where nobody says where the home is

    return Path(platformdirs.user_data_dir("ai-sidecar", appauthor=False))


def _read_config(path: Path) -> tuple[Config, list[str]]:
    try:
        # -sig: some editors set a byte order mark
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return Config(), []
    except (OSError, ValueError, RecursionError) as error:
        # ValueError: not UTF-8, not TOML, or a number beyond what Python reads
        return Config(), [f"{path}: {error}. The defaults are used."]
    problems: list[str] = []
    parts: dict[str, Any] = {}
    fields = {field.name: field for field in msgspec.structs.fields(Config)}
    for name, value in tables.items():
        if name not in fields:
            known = ", ".join(fields)
            problems.append(f"{path}: `{name}` is unknown and was ignored. Known: {known}.")
        elif name == "providers" and isinstance(value, dict):
            parts[name] = _providers(path, value, problems)
        elif name == "network":
            parts[name] = _network(f"{path}: {name}", value, problems)
        else:
            found = _part(f"{path}: {name}", fields[name].type, value, problems)
            parts |= {name: found} if found is not None else {}
    return Config(**parts), problems


def _providers(
    path: Path, tables: dict[str, Any], problems: list[str]
) -> dict[str, ProviderSettings]:
    """One wrong row must not take the others with it."""
    rows = {}
    for name, table in tables.items():
        place = f"{path}: providers.{name}"
        named = _part(place, NewProviderName, name, problems)
        row = named and _row(place, table, problems)
        if row is not None:
            rows[name] = row
    return rows


def _row(place: str, table: object, problems: list[str]) -> ProviderSettings | None:
    """One wrong key must not take the others with it, and least of all the address.

    An API key that goes to another host than was meant, or another one that goes there, is worse
    than an error: a row that does not say which has no address at all, `NO_ADDRESS`.
    """
    if not isinstance(table, dict):
        return cast("ProviderSettings | None", _part(place, ProviderSettings, table, problems))
    given, lost = dict(table), {}
    for key, value in table.items():
        meant = difflib.get_close_matches(key, ProviderSettings.__struct_fields__, n=1)
        if _part(place, ProviderSettings, {key: value}, problems, end="") is not None:
            continue
        del given[key]
        vital = bool({key, *meant} & {"base_url", "key_variable"})
        given |= {"base_url": NO_ADDRESS} if vital else {}
        if "proxy" in {key, *meant}:
            vital, lost = True, {"proxy": UNREADABLE}
        problems[-1] += " The provider is not used until then." if vital else _DEFAULT
    return msgspec.structs.replace(msgspec.convert(given, ProviderSettings), **lost)


def _network(place: str, table: object, problems: list[str]) -> NetworkSettings:
    """What can't be read is no default: it may be there to keep requests from going as usual."""
    names = NetworkSettings.__struct_fields__
    end = " No other machine is asked until then."
    if not isinstance(table, dict):
        _part(place, NetworkSettings, table, problems, end=end)
        return NetworkSettings(**dict.fromkeys(names, UNREADABLE))
    given: dict[str, str] = {}
    for key, value in table.items():
        if _part(place, NetworkSettings, {key: value}, problems, end="") is not None:
            given[key] = value
            continue
        meant = [key] if key in names else difflib.get_close_matches(key, names, n=1)
        lost = {name: UNREADABLE for name in meant if name not in table or name == key}
        given |= lost
        problems[-1] += end if lost else " It is ignored."
    return NetworkSettings(**given)


def _part(
    place: str,
    kind: Any,  # noqa: ANN401 - any type annotation
    value: object,
    problems: list[str],
    *,
    end: str = _DEFAULT,
) -> Any:  # noqa: ANN401 - an instance of `kind`
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        found = explain(kind, str(error))
        where = place + (found.path or "$").removeprefix("$")
        what = found.message.replace("Unknown parameter", "Unknown key")
        hint = "" if found.hint == found.default_hint else f" {found.hint}"
        problems.append(f"{where}: {what}{hint}{end}")
        return None
