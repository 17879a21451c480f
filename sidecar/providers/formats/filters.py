"""What Azure's content filters say of a prompt and of an answer.

https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter: each category has
`filtered` and a `severity`, or `detected`. Nothing is said of what was let through.
"""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.keys.redaction import scrub
from sidecar.providers.formats.lenient import fields
from sidecar.providers.sink import Facts

_MAX_WORD = 100


def tell(what: str, results: object, facts: Facts) -> None:
    """Warn of categories that were filtered, and of a filter that did not run."""
    if found := ", ".join(filtered(results)):
        facts.warn(f"The provider's content filter was set off by {what}: {found}.")
    if fields(results).get("error"):
        facts.warn(f"The provider's content filter did not run on {what}.")


def filtered(results: object) -> Iterator[str]:
    """The categories that were filtered, like `violence (medium)`."""
    for name, given in fields(results).items():
        result = fields(given)
        if result.get("filtered") is True:
            severity = result.get("severity")
            known = f" ({severity})" if isinstance(severity, str) else ""
            yield scrub(f"{name}{known}", _MAX_WORD)
