"""The threat: the front end sends a key that it was told, escaped, and has it unescaped for it.

By a URL that is made canonical, a data URL that is decoded, a JSON text that is read and written
anew: then the key would stand in an error, a log or sidecar.db in clear, past the guard that knows
it in clear only. Sent back as it came, an escaped text tells the front end nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from sidecar.contract import METHODS
from tests.security.attacks import BESIDE, TARGET, Values, attacks
from tests.security.besieged import Besieged, besieged
from tests.security.canary import PASTED


def escaped(key: str) -> Values:
    """Each escaping is a kind of its own, so that each place gets all of them."""
    raw = key.encode()
    encoded = base64.b64encode(raw).decode()
    urls = "".join(f"%{byte:02X}" for byte in raw)
    letters = "".join(f"\\u{byte:04x}" for byte in raw)
    return {
        "base64": (encoded, base64.urlsafe_b64encode(b"user:" + raw).decode()),
        "a data URL": (f"data:text/plain;base64,{encoded}", f"data:,{urls}"),
        "URL-escaped": (urls, urls.lower()),
        "a URL": (f"http://127.0.0.1:9/{urls}", f"http://{urls}@127.0.0.1:9/", f"http://{urls}/"),
        "hex": (raw.hex(), raw.hex().upper(), repr(raw.hex(" "))),
        "JSON": (letters, f'{{"api_key": "{letters}"}}', json.dumps(letters)),
        "HTML": ("".join(f"&#{byte};" for byte in raw), "".join(f"&#x{byte:x};" for byte in raw)),
    }


@pytest.fixture(scope="module")
def told() -> Iterator[Besieged]:
    """A sidecar that has the key in its memory: where another one lies is no matter here."""
    with besieged("memory") as siege:
        siege.lay_canaries(TARGET, BESIDE)
        yield siege


@pytest.mark.parametrize("name", METHODS)
def test_an_escaped_key_is_unescaped_for_nobody(told: Besieged, name: str) -> None:
    before = len(told.servers.hostile.requests)
    told.attack(attacks(name, METHODS[name], escaped(PASTED.value)))
    told.reopen()
    assert told.hunt() == []
    sent = told.servers.hostile.requests[before:]
    assert not [each for each in sent if PASTED.value.encode() in each]


def test_every_way_to_escape_it_hides_it_from_who_looks_for_it_in_clear() -> None:
    # Else the guard would refuse them at the door.
    values = [each for options in escaped(PASTED.value).values() for each in options]
    assert not [each for each in values if PASTED.value in each]
