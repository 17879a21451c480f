"""Providers and their models: listing, testing, configuring."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

from msgspec import UNSET, Meta, UnsetType

from sidecar.engine.addresses import checked_url, origin
from sidecar.engine.directory import (
    Active,
    Overrides,
    Row,
    as_invalid_params,
)
from sidecar.engine.questions import running
from sidecar.errors import AIError, ConfigError, ErrorObject, InvalidParams
from sidecar.keys.pasted import cleaned
from sidecar.keys.secret import Secret
from sidecar.providers.formats import FormatName
from sidecar.rpc.methods import Call
from sidecar.values import (
    NEW_PROVIDER,
    ApiVersion,
    ModelInfo,
    Organization,
    ProviderName,
    Said,
    Timeouts,
    Value,
)

if TYPE_CHECKING:
    from sidecar.app import App


class NoParams(Value, frozen=True):
    """No parameters."""


class ProviderDefaults(Said, frozen=True):
    """What requests get that don't say otherwise."""

    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    organization: str | None = None
    api_version: str | None = None
    timeouts: Timeouts | None = None


class ProviderInfo(Said, frozen=True):
    """One provider. `available`: nothing is missing that can be known without asking it.

    A server that users start on this machine is available while it takes connections.

    `origins` are the addresses that its key is for; requests go to `base_url`.
    """

    name: ProviderName
    display_name: str
    format: str
    capabilities: list[str]
    available: bool
    has_api_key: bool
    key_required: bool
    origins: list[str]
    active: bool
    base_url: str | None = None
    key_variables: list[str] | None = None
    defaults: ProviderDefaults | None = None


class ListProvidersResult(Said, frozen=True):
    """Every provider, the catalogue's first."""

    providers: list[ProviderInfo]


class ListModelsParams(Value, frozen=True):
    """`provider` is left out for the active one."""

    provider: ProviderName | None = None


class ListModelsResult(Said, frozen=True):
    """As the provider orders them."""

    models: list[ModelInfo]


class TestProviderParams(Value, frozen=True):
    """`api_key` is used for this test alone and not kept."""

    provider: ProviderName
    api_key: Annotated[str, Meta(min_length=1, max_length=10_000)] | None = None


class TestProviderResult(Said, frozen=True):
    """`ok`: the provider was reached and took the key. Where not, `error` says why."""

    ok: bool
    latency_ms: int
    models: int | None = None
    error: ErrorObject | None = None


class ConfigureProviderParams(Value, frozen=True):
    """What is left out stays as it is; null sets it back.

    `format` makes a new provider of a name that is not known yet, and null takes it away. There is
    nothing here about keys, headers, TLS, proxies or environment variables, and there won't be.
    """

    provider: ProviderName
    format: FormatName | UnsetType | None = UNSET
    display_name: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType | None = UNSET
    base_url: Annotated[str, Meta(max_length=2000)] | UnsetType | None = UNSET
    model: Annotated[str, Meta(min_length=1, max_length=300)] | UnsetType | None = UNSET
    max_tokens: Annotated[int, Meta(ge=1)] | UnsetType | None = UNSET
    temperature: Annotated[float, Meta(ge=0)] | UnsetType | None = UNSET
    organization: Organization | UnsetType | None = UNSET
    api_version: ApiVersion | UnsetType | None = UNSET
    timeouts: Timeouts | UnsetType | None = UNSET


class ActiveProvider(Said, frozen=True):
    """The provider, and perhaps the model, that requests without one go to."""

    provider: ProviderName
    model: str | None = None


class SetActiveParams(Value, frozen=True):
    """Names the provider, and perhaps the model."""

    provider: ProviderName
    model: Annotated[str, Meta(min_length=1, max_length=300)] | None = None


class ProvidersChanged(Said, frozen=True):
    """The settings of a provider, or which one is active, have changed."""

    provider: ProviderName


async def list_ai_providers(app: App, params: NoParams, call: Call) -> ListProvidersResult:
    """List every provider with its state. Shows no key.

    Nobody is asked; servers on this machine are tried whether they take a connection.
    """
    del params, call
    directory = app.manager.directory
    rows = [directory.row(name) for name in directory.names()]
    here = await running(rows)
    return ListProvidersResult(providers=[_info(app, row, here) for row in rows])


async def list_models(app: App, params: ListModelsParams, call: Call) -> ListModelsResult:
    """Ask a provider, live, for its models."""
    del call
    return ListModelsResult(models=await app.questions.models(params.provider))


async def test_provider_connection(
    app: App, params: TestProviderParams, call: Call
) -> TestProviderResult:
    """Ask a provider for its models, and tell how that went.

    That costs nothing; only a provider without a list of models is asked for one token instead.

    An unknown provider answers as an error; whatever the provider or the network does is in the
    result.
    """
    del call
    app.manager.directory.row(params.provider)
    key = Secret(cleaned(params.api_key)) if params.api_key is not None else None
    began = time.monotonic()
    error: AIError | None = None
    models: list[ModelInfo] = []
    try:
        models = await app.questions.test(params.provider, key)
    except AIError as found:
        error = found
    return TestProviderResult(
        ok=error is None,
        latency_ms=round((time.monotonic() - began) * 1000),
        models=len(models) if error is None else None,
        error=error.to_object() if error else None,
    )


async def configure_provider(app: App, params: ConfigureProviderParams, call: Call) -> ProviderInfo:
    """Set a provider's address and defaults, and keep them. Tells `providers_changed`."""
    directory = app.manager.directory
    before = directory.overrides.get(params.provider, Overrides())
    changes = {
        name: value
        for name in Overrides.__struct_fields__
        if (value := getattr(params, name)) is not UNSET
    }
    if params.base_url:
        try:
            changes["base_url"] = checked_url(params.base_url)
        except ConfigError as error:
            raise as_invalid_params(error, "$.base_url") from None
    if params.format and not re.search(NEW_PROVIDER, params.provider):
        message = f"{params.provider!r} can't be the name of a provider."
        hint = "Use small letters, digits, `_`, `.` and `-`; begin with a letter or digit."
        raise InvalidParams(message, path="$.provider", hint=hint)
    if params.format and params.provider in directory.built_in:
        message = f"The format of {params.provider} is fixed."
        hint = "Choose another name for a provider of your own."
        raise InvalidParams(message, path="$.format", hint=hint)
    if params.base_url and not directory.takes_address(params.provider):
        message = f"{params.provider} is on this machine and has no address."
        hint = "For a server of your own, use `openai-compatible` or a name of your own."
        raise InvalidParams(message, path="$.base_url", hint=hint)
    row = await app.preferences.configure(params.provider, before.changed(changes))
    call.afterwards(lambda: tell_change(app, params.provider))
    return _info(app, row, await running([row]))


async def set_active_provider(app: App, params: SetActiveParams, call: Call) -> ActiveProvider:
    """Set, and keep, the provider that requests without one go to."""
    await app.preferences.activate(Active(provider=params.provider, model=params.model))
    call.afterwards(lambda: tell_change(app, params.provider))
    return ActiveProvider(provider=params.provider, model=params.model)


def get_active_provider(app: App, params: NoParams, call: Call) -> ActiveProvider:
    """Return the provider that requests without one go to."""
    del params, call
    active = app.manager.directory.active
    return ActiveProvider(provider=active.provider, model=active.model)


def tell_change(app: App, provider: str) -> None:
    """Say that a provider is not as it was: its settings, its keys, or that it is active."""
    app.notify("providers_changed", ProvidersChanged(provider=provider))


def _info(app: App, row: Row, running: Collection[str]) -> ProviderInfo:
    defaults = ProviderDefaults(
        model=row.model,
        max_tokens=row.max_tokens,
        temperature=row.temperature,
        organization=row.organization,
        api_version=row.api_version,
        timeouts=row.timeouts if row.timeouts != Timeouts() else None,
    )
    key = next(iter(app.custody.holdings.of(row.wanted())), None)
    origins = key.origins if key else sorted(row.key_origins)
    if not origins and row.base_url:
        origins = [origin(row.base_url)]
    return ProviderInfo(
        name=row.vendor.name,
        display_name=row.vendor.display_name,
        format=row.vendor.format,
        capabilities=list(row.vendor.capabilities),
        available=app.manager.available(row, running),
        has_api_key=key is not None,
        key_required=row.vendor.key_required,
        origins=list(origins),
        active=row.vendor.name == app.manager.directory.active.provider,
        base_url=row.base_url,
        key_variables=list(row.vendor.key_variables) or None,
        defaults=defaults if defaults != ProviderDefaults() else None,
    )
