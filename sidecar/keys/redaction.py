"""Takes secrets out of text. The one place through which what others wrote passes on its way out.

Two nets: the secrets that are known (raw, base64, URL- and JSON-escaped), and whatever is shaped
like a key. Providers like to quote a refused key back, in part: `sk-abc***wxyz` is taken out, too.
A model's own words never pass through here.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MARK = "[redacted]"

_KEY_SHAPED = re.compile(
    r"""
      \bBearer\s+[^\s"',;]{6,}                              # an Authorization header
    | \b(?:sk|pk|rk|gsk|xai|pplx|csk|fw|tgp|nvapi|hf|or|key)[-_][A-Za-z0-9_*.\-]{8,}
    | \bAIza[A-Za-z0-9_\-]{20,}                             # Google
    | (?<![^\s"',:;=()])[^\s"',:;=()]*\*{3,}[^\s"',;()]*  # a key with its middle starred out
    | \beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*   # a JSON web token
    """,
    re.VERBOSE,
)


def scrub(text: str, secrets: Iterable[str] = (), limit: int | None = None) -> str:
    """Return `text` without any of `secrets`, in any usual escaping, and without key shapes.

    With `limit` it is cut to so many characters, after the secrets are out: a cut through one
    would leave its beginning.
    """
    for secret in secrets:
        for form in _forms(secret):
            text = text.replace(form, MARK)
    return _KEY_SHAPED.sub(MARK, text[:limit])


def _forms(secret: str) -> list[str]:
    if not secret:
        return []
    raw = secret.encode()
    forms = {
        secret,
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
    }
    return sorted(forms, key=len, reverse=True)
