"""The two servers of a siege: the hostile provider, and everything that is elsewhere.

The hostile provider is the one that the key is for, so it has the key by right, and it gives it
back in whatever it answers: see `CASES`, by the first step of the path:
http://…/<case>/v1/models.
"""

from __future__ import annotations

import re
from typing import Any

from tests.providers.raw_server import RawServer
from tests.security.attacks import TARGET
from tests.security.echoes import CASES as ECHOES
from tests.security.echoes import said_as_content, whole
from tests.security.more_echoes import (
    CORNERS,
    EVERY_LETTER,
    IN_HTML,
    PIECES,
    STARRED,
    STARRED_NAMES,
)

CASES = ECHOES | CORNERS | STARRED | STARRED_NAMES | PIECES | IN_HTML | EVERY_LETTER
_KEY = re.compile(rb"^authorization: *bearer +(.*?)\r$", re.IGNORECASE | re.MULTILINE)


class Servers:
    """Both."""

    def __init__(self) -> None:
        # Another origin, which must get no key, and the proxy to the whole outside world.
        self.elsewhere = RawServer(lambda connection: connection.answer(b"{}", status="502 No"))
        self.hostile = EchoingProvider(self.elsewhere.url)

    def hostile_url(self, case: str = TARGET) -> str:
        """The address of a case."""
        return f"http://127.0.0.1:{self.hostile.port}/{case}/v1"

    def close(self) -> None:
        """End both."""
        self.hostile.close()
        self.elsewhere.close()


class EchoingProvider(RawServer):
    """Serves `CASES`; whatever else is asked is answered by a plain "ok" or the key as content."""

    def __init__(self, elsewhere: str) -> None:
        self._elsewhere = elsewhere
        super().__init__(lambda _: None)

    def _serve(self, connection: Any) -> None:  # noqa: ANN401 - see RawServer
        try:
            while True:
                request = connection.request()
                self.requests.append(request)
                answer = self._answer(request)
                connection.send(answer)
                if not _is_whole(answer):
                    return
        except OSError:
            pass  # the peer or the end of the test has closed it
        finally:
            connection.shut()

    def _answer(self, request: bytes) -> bytes:
        case = CASES.get(case_of(request), said_as_content)
        answer = case(_sent_key(request), self._elsewhere)
        return answer if b"\r\n\r\n" in answer else whole(answer)


def case_of(request: bytes) -> str:
    """The first step of the path."""
    return request.split(b" ", 2)[1].decode("latin-1").strip("/").partition("/")[0]


def _is_whole(answer: bytes) -> bool:
    """True where the peer knows the answer's end; else it needs the end of the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return f"content-length: {len(body)}\r\n".encode() in head + b"\r\n"


def _sent_key(request: bytes) -> str:
    found = _KEY.search(request)
    return found[1].decode() if found else "no key came"
