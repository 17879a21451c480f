"""Where requests of this format go, Azure's ways included.

https://learn.microsoft.com/azure/ai-foundry/openai/reference: the v1 API lies below
`https://NAME.openai.azure.com/openai/v1` and is like everyone's; before it each deployment had a
path of its own and each request named the API's version, a date.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from sidecar.providers.vendor import Target

_V1 = "/v1"
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")


def chat(target: Target) -> str:
    """The URL of chat completions."""
    return of(target, "chat/completions", of_model=True)


def models(target: Target) -> str:
    """The URL of the list of models."""
    return of(target, "models", of_model=False)


def of(target: Target, operation: str, *, of_model: bool) -> str:
    """The URL of an operation; `of_model`: one that a deployment does."""
    base, version = target.base_url, target.api_version
    dated = version is not None and _DATED.match(version) is not None
    deployments = dated and not base.endswith(_V1)
    if target.vendor.quirks.azure and not base.endswith(_V1):
        # The portal shows the address of the resource alone.
        base = f"{base.removesuffix('/openai')}/openai{'' if deployments else _V1}"
    if deployments and of_model:
        operation = f"deployments/{quote(target.model, safe='')}/{operation}"
    query = "" if version is None else f"?api-version={version}"
    return f"{base}/{operation}{query}"
