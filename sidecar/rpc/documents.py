"""What is generated from the contract's table, as the texts of files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sidecar.rpc import openrpc, typescript
from sidecar.rpc.methods import Method, NotificationType

Build = Callable[[Mapping[str, Method], Mapping[str, NotificationType]], str]


def _as_json(
    build: Callable[[Mapping[str, Method], Mapping[str, NotificationType]], dict[str, Any]],
) -> Build:
    def text(methods: Mapping[str, Method], notifications: Mapping[str, NotificationType]) -> str:
        document = build(methods, notifications)
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    return text


FORMS: dict[str, Build] = {
    "openrpc": _as_json(openrpc.document),
    "schema": _as_json(openrpc.schema),
    "typescript": typescript.document,
}
"""By the word of `ai-sidecar contract`: builds the text of the file."""

FILES = {
    "openrpc": "openrpc.json",
    "schema": "schema.json",
    "typescript": "typescript/src/contract.ts",
}
"""Where each lies, below protocol/."""
