"""What a page that was taken over can't do."""

from __future__ import annotations

from functools import partial

import pytest

from tests.conditions import comes_true
from tests.e2e.window import Open, Window
from tests.providers.raw_server import Connection, serving

COMMANDS = (
    "plugin:webview|create_webview_window",
    "plugin:window|create",
    "plugin:window|close",
    "plugin:shell|execute",
    "plugin:fs|read_text_file",
    "plugin:http|fetch",
    "plugin:event|emit",
    "plugin:path|resolve_directory",
    "plugin:app|version",
)
TRIES = {
    "script-src": "const it = document.createElement('script'); it.text = 'window.taken = 1'",
    "img-src": "const it = new Image(); it.src = 'https://example.org/?key'",
    "frame-src": "const it = document.createElement('iframe'); it.src = 'https://example.org'",
    "style-src": "const it = document.createElement('style'); it.textContent = '* {color: red}'",
    "connect-src": "fetch('https://example.org/?key').catch(() => 0); const it = ''",
}
REQUEST = '{"jsonrpc":"2.0","id":"x","method":"METHOD","params":{}}'


@pytest.fixture
def window(open_app: Open) -> Window:
    found: Window = open_app()
    found.shows("h1")
    found.sidecar()
    found.shows("#pick", "Local model")
    return found


def test_it_has_nothing_of_tauri_but_the_sidecar(window: Window) -> None:
    for command in COMMANDS:
        options = {"label": "other", "url": "https://example.org"}
        outcome, why = window.invoke(command, options=options)
        assert outcome == "no", command
        assert "not allowed" in str(why) or "not found" in str(why), why


def test_it_has_no_method_that_the_window_does_not_need(window: Window) -> None:
    for method in ("configure_provider", "shutdown", "rpc.discover", "call_ai_provider"):
        line = REQUEST.replace("METHOD", method)
        outcome, why = window.invoke("plugin:ai-sidecar|send", line=line)
        assert outcome == "no", method
        assert why["data"]["kind"] == "not_allowed"


def test_it_does_not_end_the_sidecar_for_others(window: Window) -> None:
    before = window.sidecar()
    line = REQUEST.replace("METHOD", "initialize").replace("{}", '{"process_id":999999}')
    assert window.invoke("plugin:ai-sidecar|send", line=line)[0] == "ok", "the sidecar refuses it"
    window.ask("Who are you?")
    window.shows("article[data-role=assistant]:last-child .markdown", "demo model")
    assert window.sidecar() == before


def test_it_goes_to_no_other_page(window: Window) -> None:
    asked: list[Connection] = []

    def page(connection: Connection) -> None:
        asked.append(connection)
        connection.answer(b"<h1>Elsewhere</h1>", content_type="text/html")

    with serving(page) as server:
        # the second is a name of this machine here, and the app's own page on Windows
        for url in (server.url, server.url.replace("127.0.0.1", "tauri.localhost")):
            for way in ("location.href = arguments[0]", "window.open(arguments[0])"):
                window.js(way, url)
            link = "const it = document.createElement('a'); it.href = arguments[0]; it.click()"
            window.js(link, url)
        window.shows("#pick", "Local model")
        assert window.invoke("plugin:ai-sidecar|connect", connection="x", channel=1)
    assert asked == []


def told(window: Window, directive: str) -> bool:
    return directive in window.violations()


def test_its_policy_lets_nothing_in_or_out(window: Window) -> None:
    for directive, script in TRIES.items():
        window.js(f"{script}; document.body.append(it)")
        assert comes_true(partial(told, window, directive)), directive
        window.js("delete document.documentElement.dataset.violations")
    assert window.js("return window.taken ?? null") is None
