"""What a hostile front end puts into every text: hopes of having it filled in, read or sent."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.security.attacks import Values
from tests.security.canary import PASTED


def values(home: Path, hostile_url: str, outside_url: str) -> Values:
    """Return the values, by kind."""
    key = PASTED.value
    return {
        "a pasted key": (key, f"My key is {key}, thank you.", f'{{"api_key":"{key}"}}'),
        "an escaped key": (
            base64.b64encode(key.encode()).decode(),
            quote(f"{key}/", safe=""),
            base64.b64encode(f"user:{key}".encode()).decode(),
            key.encode().hex(),
        ),
        "a template": (
            "{api_key}", "${OPENAI_API_KEY}", "%(key)s", "{0.key._value}", "{{ key }}",
            "$OPENAI_API_KEY", "%OPENAI_API_KEY%", "{target.key._value}", "`env`", "$(env)",
        ),
        "a path": (
            "/proc/self/environ", f"file://{home}/sidecar.db", "../../sidecar.db", str(home),
            f"{home}/config.toml", "~/.config/ai-sidecar", "C:\\Windows\\win.ini",
        ),
        "a URL": tuple(urls(hostile_url, outside_url)),
        "a header": (
            "x\r\nauthorization: Bearer evil", "x\nhost: evil", "m\r\n\r\nGET / HTTP/1.1\r\n",
            "Bearer {api_key}",
        ),
        "SQL": ("x' OR '1'='1", "default'; DROP TABLE secrets; --", '"; SELECT * FROM keys', "%"),
        "a name": ("../keyring", "$audit", "$vault", "hostile/default", "HOSTILE", ".", "*"),
        "half a character": ("\ud83d", "key\udc00"),
        "a NUL": ("\0", f"{'hostile'}\0", "a\0b"),
        "much": ("x" * 20_000, "\u202e\U0001f511" * 300, '"' * 1500),
    }  # fmt: skip


def urls(hostile_url: str, outside_url: str) -> list[str]:
    """Addresses that look like the hostile provider's, for which there is a key, and are not."""
    ours, port = urlsplit(hostile_url), urlsplit(outside_url).port
    there = f"127.0.0.1:{port}"
    return [
        f"http://{there}/v1",
        f"http://localhost:{port}/v1",
        f"http://[::1]:{port}/v1",
        f"http://[::ffff:127.0.0.1]:{port}/v1",
        f"http://[::ffff:7f00:1]:{ours.port}/v1",
        f"http://{ours.netloc}@{there}/v1",
        f"http://user:password@{ours.netloc}/v1",
        f"http://{there}\\@{ours.netloc}/v1",
        f"http://{there}#@{ours.netloc}/v1",
        f"http://{there}?@{ours.netloc}/v1",
        f"http://{ours.netloc}.{there}/v1",
        f"http://127.0.0.1.:{ours.port}/v1",
        f"http://localhost.:{port}/v1",
        f"http://127.1:{port}/v1",
        f"http://0x7f000001:{port}/v1",
        f"http://0:{port}/v1",
        f"HTTP://LOCALHOST:{ours.port}/v1",
        f"http://127.0.0.1:{ours.port}{port}/v1",
        f"http://127.0.0.1:0{ours.port}/v1",
        f"https://{ours.netloc}/v1",
        f"http://{ours.netloc}\r\nhost: {there}/v1",
        f"http://{ours.netloc}\thttp://{there}/v1",
        f"//{there}/v1",
        f"http:/{there}/v1",
        f"ws://{there}/v1",
        "http://api.example.com/v1",
        "http://evil.example:80/v1",
        "https://evil.example/v1",
        "https://api.openai.com.evil.example/v1",
        "data:text/plain,hi",
        "javascript:alert(1)",
    ]
