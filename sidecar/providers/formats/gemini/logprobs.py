"""`logprobsResult` in the form that this contract has.

https://ai.google.dev/api/generate-content#LogprobsResult. They are asked for by `extra`:
`{"generationConfig": {"responseLogprobs": true, "logprobs": 5}}`.
"""

from __future__ import annotations

from typing import Any

from sidecar.providers.formats.lenient import amount, fields
from sidecar.providers.formats.surrogates import whole


def read(given: object) -> dict[str, list[Any]] | None:
    """Return `{content: [{token, logprob, top_logprobs?}]}`; None where there is nothing."""
    result = fields(given)
    chosen, top = _items(result.get("chosenCandidates")), _items(result.get("topCandidates"))
    found = []
    for at, candidate in enumerate(chosen):
        entry = _entry(candidate)
        others = _items(fields(top[at]).get("candidates")) if at < len(top) else []
        if others:
            entry["top_logprobs"] = [_entry(other) for other in others]
        found.append(entry)
    return {"content": found} if found else None


def _entry(candidate: object) -> dict[str, Any]:
    given = fields(candidate)
    token = given.get("token")
    return {
        "token": (whole(token) or "") if isinstance(token, str) else "",
        "logprob": amount(given.get("logProbability")),
    }


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
