"""A secret as a value: it never prints, and the redaction knows it for as long as it lives."""

from __future__ import annotations

import weakref
from typing import Never

from sidecar.keys import redaction


class Secret:
    """A key. Only `reveal()` gives it, to those who must send it."""

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        self._make_known(value)

    def _make_known(self, value: str) -> None:
        forget = redaction.KNOWN.add(value)
        weakref.finalize(self, forget).atexit = False

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Never:
        message = "a Secret is not to be written anywhere"
        raise TypeError(message)


class Unlisted(Secret):
    """A secret that the redaction never knows: it goes to no provider, and comes back from none.

    A password is one: others may guess it. If the redaction knew it, whoever can have text quoted
    back by an error could try out words by the thousand, past the work that scrypt makes of each.
    The sidecar's own (the audit's seal, what wraps the vault) are others: they would only crowd out
    the keys that people have.
    """

    __slots__ = ()

    def _make_known(self, value: str) -> None:
        """Nothing is told."""
