"""A key as a person pastes it: with white space around it, with a quote, with half a sentence."""

from __future__ import annotations

from sidecar.errors import InvalidParams


def cleaned(api_key: str) -> str:
    """Return the key without what surrounds it. Raises `InvalidParams` for what can't be one.

    A key travels in a header: printable ASCII (RFC 9110, section 5.5).
    """
    key = api_key.strip()
    if not key:
        message, hint = "The key is empty.", "Paste the key as the provider shows it."
    elif not (key.isascii() and key.isprintable()):
        message = "The key has characters that no key has; it was not used."
        hint = "Paste the key alone, as the provider shows it, without quotes or words around it."
    elif "://" in key:
        message, hint = "This is an address, not a key.", "Paste the key as the provider shows it."
    else:
        return key
    raise InvalidParams(message, path="$.api_key", hint=hint)
