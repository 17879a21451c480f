"""The OS keyring: Secret Service, KWallet, macOS Keychain, Windows Credential Manager.

Through the package `keyring`, whose backends raise whatever their system does; here it becomes
the errors of this contract. Each entry is a JSON object, so that the key's origins lie inside of
what the keyring protects. Entries are named after this home folder's own id: two apps that bundle
the sidecar do not see, or overwrite, each other's keys.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sidecar.errors import AIError, ComponentMissing, KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.store import Slot, StoredKey, StoreName, StoreState

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "ai-sidecar"
MAX_VALUE = 2560
"""Bytes in UTF-16: what Windows' Credential Manager takes, and the same everywhere."""

_WITH_A_STATE = "keyring.backends.SecretService"
_UNSAFE = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")
"""None, one that forgets, and ones that keep keys in files in the clear."""

T = TypeVar("T")


class TooLarge(Exception):
    """The value is over what a keyring takes."""


class _Entry(msgspec.Struct, frozen=True):
    """What stands in the keyring. It names its place: entries can't be swapped."""

    provider: str
    key_id: str
    origins: tuple[str, ...]
    api_key: str


class KeyringStore:
    """Keys in the OS keyring. `home_id` gives the id of this home folder."""

    name: StoreName = "keyring"

    def __init__(self, home_id: Callable[[], str]) -> None:
        self._home_id = home_id

    def state(self) -> StoreState:
        """Look at it without opening a dialogue."""
        try:
            backend = _backend()
        except ComponentMissing as error:
            return StoreState(
                name=self.name, state="missing", detail=error.message, hint=error.hint
            )
        if _is_locked(backend):
            return StoreState(
                name=self.name,
                state="locked",
                detail=f"{_title(backend)} is locked.",
                hint="Unlock it (your desktop asks for its password at the next use of a key).",
            )
        return StoreState(name=self.name, state="ready", detail=_title(backend))

    def read(self, slot: Slot) -> StoredKey | None:
        """Return what is kept there. Raises `KeyStoreCorrupt` for what is not ours."""
        text = _of_the_keyring(lambda backend: backend.get_password(SERVICE, self._name(slot)))
        if text is None:
            return None
        try:
            entry = msgspec.json.decode(text, type=_Entry)
        except (msgspec.DecodeError, UnicodeError):
            entry = None
        if entry is None or Slot(entry.provider, entry.key_id) != slot:
            message = f"The keyring's entry for {slot.title} is not what was kept."
            raise KeyStoreCorrupt(message)
        return StoredKey(slot.secret(entry.api_key), entry.origins)

    def write(self, slot: Slot, stored: StoredKey) -> None:
        """Keep it. Raises `TooLarge` beside what every store raises."""
        entry = _Entry(slot.provider, slot.key_id, stored.origins, stored.api_key.reveal())
        text = msgspec.json.encode(entry).decode()
        if len(text.encode("utf-16-le")) > MAX_VALUE:
            raise TooLarge
        _of_the_keyring(lambda backend: backend.set_password(SERVICE, self._name(slot), text))

    def delete(self, slot: Slot) -> None:
        """Take it away."""

        def remove(backend: KeyringBackend) -> None:
            if backend.get_password(SERVICE, self._name(slot)) is not None:
                backend.delete_password(SERVICE, self._name(slot))

        _of_the_keyring(remove)

    def _name(self, slot: Slot) -> str:
        return f"{self._home_id()}/{slot.provider}/{slot.key_id}"


@functools.cache
def _found() -> KeyringBackend:
    import keyring  # noqa: PLC0415 - 70 ms, and on no path of the first answer

    return keyring.get_keyring()


def _backend() -> KeyringBackend:
    try:
        backend = _found()
    except Exception as error:
        # A broken backend of a third party, a broken keyringrc.cfg: whatever it is, it is told.
        message = f"The OS keyring can't be loaded: {_reason(error)}."
        raise ComponentMissing(message, hint=_HINT) from error
    if type(backend).__module__.startswith(_UNSAFE):
        message = "There is no OS keyring here."
        raise ComponentMissing(message, hint=_HINT)
    return backend


_HINT = (
    "Let the app make a vault (create_vault), or set an environment variable. On Linux a desktop's "
    "keyring (gnome-keyring, KWallet) needs a D-Bus session."
)


def _of_the_keyring(act: Callable[[KeyringBackend], T]) -> T:
    backend = _backend()
    from keyring.errors import InitError, KeyringLocked  # noqa: PLC0415 - see _found

    try:
        return act(backend)
    except (KeyringLocked, InitError) as error:
        message = f"{_title(backend)} is locked: {_reason(error)}."
        raise KeyStoreLocked(message) from error
    except AIError:
        raise
    except Exception as error:
        # Backends raise D-Bus, Win32 and Keychain errors of many kinds, among them refusals.
        message = f"{_title(backend)} failed: {_reason(error)}."
        hint = "Look whether the keyring runs and is unlocked, or use the vault (create_vault)."
        raise KeyStoreLocked(message, hint=hint) from error


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".!")


def _title(backend: KeyringBackend) -> str:
    return str(getattr(backend, "name", "the OS keyring")).removesuffix(" Keyring")


def _is_locked(backend: KeyringBackend) -> bool:
    """Ask the Secret Service, the only one that tells without a dialogue."""
    # Where there are several, they stand behind one that asks them in turn.
    backends = getattr(backend, "backends", (backend,))
    if not any(type(each).__module__ == _WITH_A_STATE for each in backends):
        return False
    import secretstorage  # noqa: PLC0415 - what that backend itself uses

    try:
        with closing(secretstorage.dbus_init()) as connection:
            # Not get_default_collection(): that makes one where there is none, with a dialogue.
            collection: Any = secretstorage.Collection(connection)
            return bool(collection.is_locked())
    except Exception:  # noqa: BLE001 - it is there and does not tell; the next use will
        return False
