"""Keys and their vault. Keys go in here and never come out: no result has one, or a part of one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from sidecar.engine.directory import Row
from sidecar.errors import InvalidParams, ProviderNotFound
from sidecar.handlers.models import NoParams, tell_change
from sidecar.keys.events import NumberedEvent, Verdict
from sidecar.keys.guard import SHORTEST_KEY
from sidecar.keys.holdings import IN_ENVIRONMENT
from sidecar.keys.index import Entry
from sidecar.keys.pasted import cleaned
from sidecar.keys.secret import Secret, Unlisted
from sidecar.keys.store import Slot, StoreName, StoreState
from sidecar.keys.wanted import Wanted
from sidecar.rpc.methods import Call
from sidecar.values import ProviderName, Said, Value

if TYPE_CHECKING:
    from sidecar.app import App

KeyId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$(?!\n)")]
Password = Annotated[str, Meta(min_length=8, max_length=1000)]


class SetApiKeyParams(Value, frozen=True):
    """`store`: where it is kept; `auto`, or left out: in the first of the order that works."""

    provider: ProviderName
    api_key: Annotated[str, Meta(min_length=1, max_length=10_000)]
    key_id: KeyId = "default"
    store: Literal["auto", "keyring", "vault", "memory"] = "auto"


class KeyParams(Value, frozen=True):
    """Names a key."""

    provider: ProviderName
    key_id: KeyId = "default"


class KeyInfo(Said, frozen=True):
    """Everything about a key but the key. `source` is the store it lies in.

    `origins`: it is sent there and nowhere else. `fingerprint`: the same for the same key, made
    with a key of this home folder's own. A key in the environment has no `created_at`.
    """

    provider: ProviderName
    key_id: str
    has_api_key: bool
    source: StoreName
    origins: list[str]
    fingerprint: str
    created_at: int | None = None


class DeleteResult(Said, frozen=True):
    """True where there was one."""

    deleted: bool


class ListKeysParams(Value, frozen=True):
    """`provider` is left out for the keys of all."""

    provider: ProviderName | None = None


class ListKeysResult(Said, frozen=True):
    """The keys of each provider in the order in which they are used, and the key stores."""

    keys: list[KeyInfo]
    stores: list[StoreState]


class CreateVaultParams(Value, frozen=True):
    """Without a `password` the OS keyring protects the vault."""

    password: Password | None = None


class UnlockVaultParams(Value, frozen=True):
    """The master password."""

    password: Annotated[str, Meta(max_length=1000)]


class ChangeVaultPasswordParams(Value, frozen=True):
    """`password` is the present one; without a `new_password` the OS keyring protects the vault."""

    password: Annotated[str, Meta(max_length=1000)] | None = None
    new_password: Password | None = None


class ListAuditParams(Value, frozen=True):
    """The newest come first. `before`: a `seq`, to page on."""

    provider: ProviderName | None = None
    before: Annotated[int, Meta(ge=1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ListAuditResult(Said, frozen=True):
    """Newest first."""

    events: list[NumberedEvent]


async def set_api_key(app: App, params: SetApiKeyParams, call: Call) -> KeyInfo:
    """Keep a key, in place of the one of that id. The next request uses it.

    It is bound to the address that its provider has now: point the provider elsewhere, and the key
    is not sent there until it is entered again.
    """
    row = _row(app, params.provider)
    place = row.wanted().origin
    if place is None:
        message = f"{row.vendor.display_name} has no address yet, for which a key could be."
        hint = "Set its base_url first, by configure_provider."
        raise InvalidParams(message, path="$.provider", hint=hint)
    if params.key_id == IN_ENVIRONMENT:
        message = f"The key_id {IN_ENVIRONMENT!r} is that of the key in the environment."
        raise InvalidParams(message, path="$.key_id", hint="Choose another word.")
    slot = Slot(params.provider, params.key_id)
    key = Secret(cleaned(params.api_key))
    if len(params.key_id) >= SHORTEST_KEY and key.reveal() in params.key_id:
        message = "The key_id has the key in it; it was not kept."
        raise InvalidParams(message, path="$.key_id", hint="Choose a word that anybody may see.")
    _refuse_published(app, key)
    store = None if params.store == "auto" else params.store
    entry = await app.custody.changes.store(slot, key, (place,), store)
    call.afterwards(lambda: tell_change(app, params.provider))
    return _info(entry, entry.fingerprint)


async def delete_api_key(app: App, params: KeyParams, call: Call) -> DeleteResult:
    """Take a key away. Requests under way end on it."""
    deleted = await app.custody.changes.delete(Slot(params.provider, params.key_id))
    if deleted:
        call.afterwards(lambda: tell_change(app, params.provider))
    return DeleteResult(deleted=deleted)


async def list_api_keys(app: App, params: ListKeysParams, call: Call) -> ListKeysResult:
    """List which keys there are, and how the key stores are. Opens no store and no dialogue."""
    del call
    await app.custody.holdings.refresh()
    wanted = [_wanted(app, name) for name in _with_keys(app, params.provider)]
    keys = [
        _info(entry, await app.custody.fingerprint(entry, each))
        for each in wanted
        for entry in app.custody.holdings.of(each)
    ]
    return ListKeysResult(keys=keys, stores=await app.custody.stores.states())


async def create_vault(app: App, params: CreateVaultParams, call: Call) -> StoreState:
    """Make the vault: keys in the home folder, encrypted. It is open then."""
    del call
    await app.custody.vault.create(_password(params.password))
    return await app.custody.stores.state("vault")


async def unlock_vault(app: App, params: UnlockVaultParams, call: Call) -> StoreState:
    """Open the vault until it is locked, by `lock_vault` or by not being used for a while."""
    del call
    await app.custody.vault.unlock(Unlisted(params.password))
    return await app.custody.stores.state("vault")


async def lock_vault(app: App, params: NoParams, call: Call) -> StoreState:
    """Lock the vault, and forget what was read from it. Requests under way end on their key."""
    del params, call
    await app.custody.vault.lock()
    return await app.custody.stores.state("vault")


async def change_vault_password(
    app: App, params: ChangeVaultPasswordParams, call: Call
) -> StoreState:
    """Give the vault another master password. Its keys are not encrypted anew."""
    del call
    await app.custody.vault.change_password(
        _password(params.password), _password(params.new_password)
    )
    return await app.custody.stores.state("vault")


async def list_audit_events(app: App, params: ListAuditParams, call: Call) -> ListAuditResult:
    """List what happened to keys."""
    del call
    events = await app.custody.oversight.audit.events(
        before=params.before, limit=params.limit, provider=params.provider
    )
    return ListAuditResult(events=events)


async def verify_audit(app: App, params: NoParams, call: Call) -> Verdict:
    """Tell whether the events are as they were written."""
    del params, call
    return await app.custody.oversight.audit.verify()


def _with_keys(app: App, provider: str | None) -> list[str]:
    """Every provider that may have keys: also one whose row was taken away."""
    if provider is not None:
        return [provider]
    names = app.manager.directory.names()
    return [*names, *sorted({slot.provider for slot in app.custody.holdings.slots()} - {*names})]


def _wanted(app: App, provider: str) -> Wanted:
    if any(slot.provider == provider for slot in app.custody.holdings.slots()):
        with suppress(ProviderNotFound):
            return app.manager.directory.row(provider).wanted()
        return Wanted(provider=provider, display_name=provider, origin=None)
    return app.manager.directory.row(provider).wanted()


def _refuse_published(app: App, key: Secret) -> None:
    """A key that stands in the settings is in a file in the clear, and is sent to a provider."""
    provider = app.preferences.holding(key.reveal())
    if provider is not None:
        message = f"This key stands in the settings of {provider}, in the clear; it was not kept."
        hint = "Take it out there by configure_provider, and better make a new key."
        raise InvalidParams(message, path="$.api_key", hint=hint)


def _row(app: App, provider: str) -> Row:
    row = app.manager.directory.row(provider)
    if row.vendor.auth == "none":
        message = f"{row.vendor.display_name} takes no key."
        raise InvalidParams(message, path="$.provider", hint="list_ai_providers tells which do.")
    return row


def _password(text: str | None) -> Secret | None:
    return None if text is None else Unlisted(text)


def _info(entry: Entry, fingerprint: str) -> KeyInfo:
    return KeyInfo(
        provider=entry.slot.provider,
        key_id=entry.slot.key_id,
        has_api_key=True,
        source=entry.store,
        origins=list(entry.origins),
        fingerprint=fingerprint,
        created_at=entry.created_at,
    )
