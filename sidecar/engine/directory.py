"""Which providers there are and how each is set: catalogue, then config.toml, then RPC.

What may be set over RPC is the little that a front end needs (`Overrides`): never a header, an
authentication style, an environment variable or anything about TLS. Where its keys may go is
decided in keys/custody.py; this room says which origins are the user's own (`key_origins`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from sidecar.engine.addresses import checked_url, from_environment, origin
from sidecar.errors import (
    ConfigError,
    InvalidParams,
    ProviderNotFound,
)
from sidecar.keys.wanted import Wanted
from sidecar.providers.catalog import SCRIPTED, VENDORS
from sidecar.providers.formats import FORMATS, FormatName
from sidecar.providers.vendor import AuthStyle, Deadlines, Vendor
from sidecar.settings import NO_ADDRESS, Config, ProviderSettings
from sidecar.values import ProviderName, Timeouts

DEFAULTS = Deadlines(connect_ms=15_000, first_token_ms=600_000, idle_ms=120_000, total_ms=3_600_000)
"""A slow local model may think for minutes before its first word; a silent connection may not."""

T = TypeVar("T")

_OWN_AUTH: dict[str, AuthStyle] = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
"""Where a provider of one's own expects its key, by its format; else `Authorization: Bearer`."""
_OWN_CAPABILITIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(FORMATS, ("embeddings",)),
    "anthropic": ("document_citations", "prompt_caching"),
}
"""What is sent to it, by its format: what it makes of that, it says itself."""


class Overrides(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `configure_provider` has set for one provider."""

    format: FormatName | None = None
    display_name: str | None = None
    base_url: str | None = None
    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    organization: str | None = None
    api_version: str | None = None
    timeouts: Timeouts | None = None

    def changed(self, changes: dict[str, Any]) -> Overrides:
        """Return these with `changes`, where None sets a field back."""
        return msgspec.structs.replace(self, **changes)


class Active(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The provider, and perhaps the model, that requests without one go to."""

    provider: ProviderName
    model: str | None = None


class Row(Struct, frozen=True, kw_only=True):
    """One provider as it is set now. `key_origins` are those that its environment key is for."""

    vendor: Vendor
    base_url: str | None
    key_origins: frozenset[str]
    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    organization: str | None = None
    api_version: str | None = None
    timeouts: Timeouts = Timeouts()

    @property
    def has_address(self) -> bool:
        """False where requests have nowhere to go."""
        return self.base_url is not None or self.vendor.format not in FORMATS

    def wanted(self) -> Wanted:
        """What a request to this provider needs a key for."""
        vendor = self.vendor
        return Wanted(
            provider=vendor.name,
            display_name=vendor.display_name,
            origin=origin(self.base_url) if self.base_url else None,
            variables=vendor.key_variables,
            environment_origins=self.key_origins,
            required=vendor.key_required,
        )

    def deadlines(self, wanted: Timeouts | None) -> Deadlines:
        """The four timeouts: the request's, else the provider's, else the defaults."""
        layers = [layer for layer in (wanted, self.timeouts) if layer is not None]
        values = {
            name: next(
                (value for layer in layers if (value := getattr(layer, name)) is not None),
                getattr(DEFAULTS, name),
            )
            for name in Deadlines.__struct_fields__
        }
        return Deadlines(**values)


class Directory:
    """All providers by name."""

    def __init__(self, config: Config, *, scripted: bool) -> None:
        self._config = config
        self._given: dict[str, ProviderSettings] = {}
        self._vendors = {vendor.name: vendor for vendor in VENDORS}
        if scripted:
            self._vendors[SCRIPTED.name] = SCRIPTED
        self.overrides: dict[str, Overrides] = {}
        self._active: Active | None = None
        self._problems = list(self._take_config())
        self.environment_problems = list(self._take_environment())
        """What environment variables say and can't be done, for people."""

    @property
    def problems(self) -> list[str]:
        """What config.toml says and can't be done, for people."""
        active = self._config.active
        if active is None or active.provider in self.names():
            return self._problems
        missing = _not_found(active.provider, self.names())
        told = f"active.provider: {missing.message} {missing.hint} It is ignored."
        return [*self._problems, told]

    @property
    def active(self) -> Active:
        """What was set over RPC, else in config.toml, else the demo model."""
        if self._active is not None and self._active.provider in self.names():
            return self._active
        given = self._config.active
        if given is not None and given.provider in self.names():
            return Active(provider=given.provider, model=given.model)
        return Active(provider="local", model="demo")

    @active.setter
    def active(self, value: Active | None) -> None:
        self._active = value

    @property
    def built_in(self) -> frozenset[str]:
        """The names that catalogue and config.toml give."""
        return frozenset(self._vendors)

    @property
    def key_variables(self) -> frozenset[str]:
        """Every environment variable that may hold a key."""
        rows = (*VENDORS, *self._vendors.values())  # a variable that a row has no more holds a key
        return frozenset(name for each in rows for name in each.key_variables)

    def names(self) -> list[str]:
        """Every provider's name, the catalogue's first."""
        return [*self._vendors, *(name for name in self.overrides if name not in self._vendors)]

    def takes_address(self, name: str) -> bool:
        """False for what runs on this machine, by itself."""
        vendor = self._vendors.get(name)
        return vendor is None or vendor.format in FORMATS

    def row(self, name: str) -> Row:
        """Return a provider as it is set now. Raises `ProviderNotFound`."""
        set_ = self.overrides.get(name, Overrides())
        vendor = self._vendors.get(name)
        if vendor is None and set_.format is not None:
            vendor = _own_row(name, set_.format)
        if vendor is None:
            raise _not_found(name, self.names())
        given = self._given.get(name, ProviderSettings())
        if set_.display_name:
            vendor = msgspec.structs.replace(vendor, display_name=set_.display_name)
        own = _address(given, vendor)
        # Whoever names address and variable in config.toml has a key for that address alone.
        trusted = {own} if given.key_variable and given.base_url else {own, vendor.base_url}
        return Row(
            vendor=vendor,
            base_url=set_.base_url or own,
            key_origins=frozenset(origin(url) for url in trusted if url),
            model=set_.model or given.model,
            max_tokens=_first(set_.max_tokens, given.max_tokens),
            temperature=_first(set_.temperature, given.temperature),
            organization=set_.organization or given.organization,
            api_version=set_.api_version or given.api_version,
            timeouts=_merged(set_.timeouts, given.timeouts, self._config.timeouts),
        )

    def _take_config(self) -> Iterator[str]:
        """Enter the rows of config.toml; yield what is wrong with those that can't be used."""
        for name, given in self._config.providers.items():
            try:
                row = _checked_row(given, self._vendors.get(name))
            except ConfigError as error:
                where = f"{name}.{error.path}" if error.path else name
                lost = error.path == "base_url" and self.takes_address(name)
                end = "The provider is not used until then." if lost else "The row is ignored."
                yield f"providers.{where}: {error.message} {error.hint} {end}"
                if lost and name in self._vendors:
                    self._given[name] = msgspec.structs.replace(given, base_url=NO_ADDRESS)
            else:
                self._given[name] = row
                self._vendors[name] = _with_config(name, self._vendors.get(name), row)

    def _take_environment(self) -> Iterator[str]:
        """Take the addresses that the environment gives; yield what is wrong with them."""
        for name, vendor in self._vendors.items():
            variable = vendor.address_variable
            given = self._given.get(name, ProviderSettings())
            if variable is None or given.base_url is not None:
                continue
            address = from_environment(variable, vendor.base_url)
            if address is None:
                continue
            try:
                address = checked_url(address)
            except ConfigError as error:
                yield f"{variable}: {error.message} {error.hint} {name} is not used until then."
                address = NO_ADDRESS
            self._given[name] = msgspec.structs.replace(given, base_url=address)


def _address(given: ProviderSettings, vendor: Vendor) -> str | None:
    """Where requests go, unless RPC says otherwise; nowhere where the file can't be read."""
    return (vendor.base_url if given.base_url is None else given.base_url) or None


def as_invalid_params(error: ConfigError, path: str) -> InvalidParams:
    """A setting that came over RPC is wrong as a parameter."""
    return InvalidParams(error.message, path=path, hint=error.hint)


def _not_found(name: str, known: list[str]) -> ProviderNotFound:
    close = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"Did you mean `{close[0]}`?" if close else None
    return ProviderNotFound(f"There is no provider `{name}`.", path="$.provider", hint=hint)


def _checked_row(given: ProviderSettings, vendor: Vendor | None) -> ProviderSettings:
    if vendor is not None and vendor.format not in FORMATS and (given.base_url or given.format):
        path = "base_url" if given.base_url else "format"
        hint = "Remove it; for a server of your own make a row of your own."
        message = f"{vendor.display_name} has no address and no wire format."
        raise ConfigError(message, path=path, hint=hint)
    if given.format not in (None, *FORMATS):
        hint = f"Allowed: {', '.join(FORMATS)}."
        raise ConfigError(f"{given.format!r} is no format.", path="format", hint=hint)
    if vendor is None and given.format is None:
        hint = "Add `format`, like `openai_chat`, or correct the provider's name."
        raise ConfigError("A provider of one's own needs a format.", path="format", hint=hint)
    if not given.base_url:
        return given
    try:
        return msgspec.structs.replace(given, base_url=checked_url(given.base_url))
    except ConfigError as error:
        raise ConfigError(error.message, path="base_url", hint=error.hint) from None


def _with_config(name: str, vendor: Vendor | None, given: ProviderSettings) -> Vendor:
    if vendor is None:
        vendor = _own_row(name, given.format or "")
    wire, can = given.format or vendor.format, vendor.capabilities
    if wire != vendor.format:
        by_format = set().union(*_OWN_CAPABILITIES.values())
        can = (*(word for word in can if word not in by_format), *_OWN_CAPABILITIES.get(wire, ()))
    return msgspec.structs.replace(
        vendor,
        format=wire,
        capabilities=can,
        also=() if given.format else vendor.also,  # who names a format wants it for all models
        display_name=given.display_name or vendor.display_name,
        auth=given.auth or vendor.auth,
        key_variables=(given.key_variable,) if given.key_variable else vendor.key_variables,
    )


def _own_row(name: str, wire: str) -> Vendor:
    return Vendor(
        name=name,
        display_name=name,
        format=wire,
        auth=_OWN_AUTH.get(wire, "bearer"),
        key_required=False,
        capabilities=("chat", "streaming", *_OWN_CAPABILITIES.get(wire, ())),
    )


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def _merged(*layers: Timeouts | None) -> Timeouts:
    values = {
        name: _first(*(getattr(layer, name) for layer in layers if layer is not None))
        for name in Timeouts.__struct_fields__
    }
    return Timeouts(**values)
