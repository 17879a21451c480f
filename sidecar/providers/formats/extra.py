"""Free fields of a request, put into the body that was made of the others."""

from __future__ import annotations

from typing import Any

from sidecar.values import AIRequest

_ADDED = ("include", "tools")


def has_tools(request: AIRequest) -> bool:
    """True where there are tools to choose from: functions, or the provider's own by `extra`."""
    return bool(request.tools or (request.extra or {}).get("tools"))


def merged(body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Merge `extra` in: objects at every depth, lists of `_ADDED` by adding to them.

    All else is replaced, an object with a `type` too: it is one thing and not a bag of fields.
    """
    found = dict(body)
    for name, value in extra.items():
        given = found.get(name)
        if isinstance(given, dict) and isinstance(value, dict) and "type" not in value:
            found[name] = merged(given, value)
        elif name in _ADDED and isinstance(given, list) and isinstance(value, list):
            found[name] = given + [each for each in value if each not in given]
        else:
            found[name] = value
    return found
