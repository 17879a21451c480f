"""A conversation in the real window, with real sidecars, and providers on this machine."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.conditions import LIMIT_S, comes_true
from tests.conftest import ROOT, needs_llama_cpp
from tests.e2e.provider import HANG, Provider
from tests.e2e.webdriver import CONTROL, ENTER, ESCAPE, SHIFT
from tests.e2e.window import ANSWER, Folders, Open, Window

MODEL = ("loop", "quick-1")
BOX = "const it = document.querySelector('.box[role=region]');"
"""What scrolls."""


def begin(open_app: Open, folders: Folders, provider: Provider, question: str) -> Window:
    """Open the app and ask the test's provider."""
    folders.write_config(provider.config())
    window: Window = open_app()
    window.choose(*MODEL)
    window.ask(question)
    return window


def test_it_starts_without_key_and_network_and_talks_to_the_demo_model(open_app: Open) -> None:
    needs_llama_cpp()
    nowhere = "http://127.0.0.1:9"
    window = open_app(HTTPS_PROXY=nowhere, HTTP_PROXY=nowhere, NO_PROXY="127.0.0.1")
    window.shows("h1", "Talk to the demo model")
    window.shows("#pick", "Local model")
    window.screenshot("first-start")
    window.ask("Who are you?")
    assert "demo model" in window.answered()
    window.shows(f"{ANSWER} footer", "tokens")
    window.screenshot("offline-answer")
    window.ask("Tell me a joke")
    assert window.answered()
    assert window.count("article[data-role=user]") == 2


def test_the_keyboard_alone_will_do(open_app: Open, folders: Folders, provider: Provider) -> None:
    folders.write_config(provider.config())
    window = open_app()
    window.shows("#pick")
    press = window.session.press
    assert comes_true(lambda: window.js("return document.activeElement.id") == "question")
    press(CONTROL, "k")
    window.shows("button[data-provider=loop]")
    window.js("document.querySelector('button[data-provider=loop]').focus()")
    press(ENTER)
    window.shows("li[data-model=quick-1-mini]")
    window.screenshot("choosing-a-model")
    window.session.type("#model-search", "mini" + ENTER)
    window.shows("#pick", "quick-1-mini")
    assert window.js("return document.activeElement.id") == "question"
    window.session.type("#question", "one")
    press(SHIFT, ENTER)
    window.session.type("#question", "two" + ENTER)
    window.shows("article[data-role=user]", "one\ntwo")
    provider.say("Yes.")
    provider.finish()
    assert window.answered() == "Yes."
    assert b'"model":"quick-1-mini"' in provider.asked()[-1].replace(b" ", b"")


def test_where_the_desktop_is_dark_so_is_the_window(open_app: Open) -> None:
    window = open_app(arguments=f"--scripted {Path(__file__).parent}", GTK_THEME="Adwaita:dark")
    window.choose("scripted", "showcase")
    window.ask("Show me what you can do")
    assert "each chunk at once" in window.answered()
    window.session.click(f"{ANSWER} summary")
    window.shows(f"{ANSWER} details p", "The user wants to see")
    up = f"{BOX} it.scrollTop = 0; return document.querySelector('button.latest') !== null"
    assert comes_true(lambda: window.js(up)), "it is taken back to the end"
    window.screenshot("dark")
    ground, ink = window.js(
        "const { backgroundColor, color } = getComputedStyle(document.body);"
        "return [backgroundColor, color].map((each) => Number(each.match(/\\d+/)[0]))"
    )
    assert ground < 50
    assert ink > 200


def test_markdown_appears_piece_by_piece(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    window = begin(open_app, folders, provider, "Show me what you can do")
    lines = Path(__file__).with_name("showcase.jsonl").read_text(encoding="utf-8").splitlines()
    pieces = [step["content"] for step in map(json.loads, lines) if "content" in step]
    shown = (
        ("h3", "Streaming in three steps"),
        ("em", "at most once a frame"),
        ("ol > li:nth-child(2) li:last-child", "text, reasoning, tool c"),
        ("pre", ".plugin(tauri_plugin_ai_sidecar::init())"),
        ("td:last-child", "9 µs"),
        ("blockquote", "Keys stay"),
    )
    for piece, (css, text) in zip(pieces, shown, strict=False):
        provider.say(piece)
        window.shows(f"{ANSWER} .markdown {css}", text)
    window.screenshot("streaming")
    assert "no <b>HTML</b>" in window.text(f"{ANSWER} pre")
    assert window.count(f"{ANSWER}[data-state=streaming]") == 1
    provider.say(*pieces[len(shown) :])
    provider.finish()
    assert "HTML: <img src=x onerror=alert(1)>" in window.answered()
    assert window.count(f"{ANSWER} img") == window.count(f"{ANSWER} .markdown a") == 0
    window.shows(f"{ANSWER} footer", "42 tokens")
    window.screenshot("streamed")
    address = window.js("return location.href")
    window.session.click(f"{ANSWER} .link")
    assert window.js("return location.href") == address


def test_who_listens_is_told_twice_and_not_with_every_word(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    folders.write_config(provider.config())
    window = open_app()
    window.choose(*MODEL)
    window.js(
        "window.told = [];"
        "const it = document.querySelector('[aria-live]');"
        "const look = () => window.told.push(it.textContent);"
        "const all = { childList: true, characterData: true, subtree: true };"
        "new MutationObserver(look).observe(it, all);"
    )
    window.ask("Speak")
    for number in range(30):
        provider.say(f"Word {number}. ")
        window.shows(f"{ANSWER} .markdown", f"Word {number}.")
    provider.finish()
    window.answered()
    begins, text = window.js("return window.told")
    assert begins == "The answer is coming."
    assert text.startswith("Word 0. Word 1.")


@pytest.mark.parametrize("by", ["button", "escape"])
def test_stop_closes_the_providers_socket(
    open_app: Open, folders: Folders, provider: Provider, by: str
) -> None:
    window = begin(open_app, folders, provider, "Go on and on")
    provider.say("and on ", "and on ", HANG)
    window.shows(f"{ANSWER} .markdown", "and on and on")
    connection = provider.streams.get(timeout=LIMIT_S)
    assert not connection.closed.is_set()
    if by == "button":
        window.session.click("#stop")
    else:
        window.session.press(ESCAPE)
    assert connection.closed.wait(1), "the provider was not told"
    assert window.answered("stopped") == "and on and on"
    window.screenshot(f"stopped-by-{by}")


def test_a_sidecar_that_is_killed_is_started_again(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    window = begin(open_app, folders, provider, "Are you there?")
    provider.say("I am he")
    window.shows(f"{ANSWER} .markdown", "I am he")
    former = window.sidecar()
    os.kill(former, signal.SIGKILL)
    window.shows("[data-banner]", "The sidecar")
    assert window.answered("interrupted") == "I am he"
    window.shows("[data-banner=restarted]", "in the middle of the last answer")
    window.screenshot("restarted")
    assert window.sidecar() != former
    provider.finish()  # of the connection that is gone
    window.session.click("[data-banner=restarted] .button")
    provider.say("I am here.")
    provider.finish()
    assert window.answered() == "I am here."
    window.vanishes("[data-banner]")
    window.ask("Still?")
    provider.say("Still.")
    provider.finish()
    window.shows(f"{ANSWER} .markdown", "Still.")


def test_a_sidecar_that_can_not_be_started_is_told_with_a_way_out(open_app: Open) -> None:
    window = open_app(AI_SIDECAR_COMMAND='["/nowhere/ai-sidecar"]')
    window.shows("[data-banner=gone]", "/nowhere/ai-sidecar")
    window.shows("[data-banner=gone] .button", "Start it")
    window.screenshot("not-there")
    window.session.click("[data-banner=gone] .button")
    window.shows("[data-banner=gone]", "The sidecar does not run.")


def test_who_types_on_while_it_starts_has_not_asked_yet(open_app: Open, folders: Folders) -> None:
    door = folders.root / "door"
    os.mkfifo(door)
    scripts = ROOT / "protocol" / "sessions" / "scripted"
    late = f'read -r _ < "{door}"; exec "{sys.executable}" -m sidecar "$@" --scripted "{scripts}"'
    window = open_app(AI_SIDECAR_COMMAND=json.dumps(["sh", "-c", late, "sidecar"]))
    window.session.type("#question", "Who are" + ENTER)
    window.session.type("#question", " you and what")
    door.write_text("open\n", encoding="utf-8")
    window.shows("#send:not([disabled])")
    window.shows("#pick .dot.ready")
    assert window.count("article") == 0
    assert window.js("return document.getElementById('question').value") == "Who are you and what"


def test_a_reload_while_streaming_loses_nothing(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    window = begin(open_app, folders, provider, "Count")
    provider.say("one, ", "two, ")
    window.shows(f"{ANSWER} .markdown", "one, two,")
    window.session.reload()
    provider.say("three, ")  # perhaps while nobody listens
    window.shows(f"{ANSWER}[data-state=streaming] .markdown", "one, two, three,")
    window.screenshot("reloaded-while-streaming")
    provider.say("four.")
    provider.finish()
    assert window.answered() == "one, two, three, four."
    assert window.text("article[data-role=user]") == "Count"
    window.shows("#pick", "quick-1")
    window.session.reload()
    assert window.answered() == "one, two, three, four."
    window.ask("And?")
    provider.say("five")
    provider.finish()
    window.shows(f"{ANSWER} .markdown", "five")
    assert b"one, two, three, four." in provider.asked()[-1]


def test_an_answer_that_ended_during_the_reload_is_whole(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    window = begin(open_app, folders, provider, "Count")
    provider.say("one, ")
    window.shows(f"{ANSWER} .markdown", "one,")
    address = window.js("return location.href")
    window.session.ask("POST", "/url", {"url": "about:blank"})
    provider.say("two.")
    provider.finish()
    assert comes_true(lambda: provider.streams.qsize() == 1)
    window.session.ask("POST", "/url", {"url": address})
    assert window.answered() == "one, two."


def test_an_error_is_said_in_words_with_what_to_do(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    provider.refuses = ("429 Too Many Requests", "Slow down, please.")
    window = begin(open_app, folders, provider, "Hello?")
    window.shows(f"{ANSWER}[data-state=failed] [data-kind=rate_limited]", "Too many requests")
    assert "Slow down, please." in window.text(ANSWER)
    window.screenshot("error")
    provider.refuses = None
    window.session.click(f"{ANSWER} [data-kind] .button")
    provider.say("Hello!")
    provider.finish()
    assert window.answered() == "Hello!"
    assert window.count("article[data-role=user]") == 1


def test_who_has_scrolled_up_is_left_there(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    window = begin(open_app, folders, provider, "A long one")
    provider.say(*(f"Paragraph {number}.\n\n" for number in range(60)))
    below = f"{BOX} return it.scrollHeight - it.scrollTop - it.clientHeight"
    window.shows(f"{ANSWER} .markdown p:last-child", "Paragraph 59.")
    assert comes_true(lambda: window.js(below) < 2), "it did not follow the text"
    window.js(f"{BOX} it.scrollTop = 100")
    window.shows("button.latest")
    provider.say("The very last one.")
    window.shows(f"{ANSWER} .markdown p:last-child", "The very last one.")
    assert window.js(f"{BOX} return it.scrollTop") == 100
    window.js("document.querySelector('article').scrollIntoView()")
    assert window.js("return document.scrollingElement.scrollTop") == 0, "the page itself has moved"
    window.js(f"{BOX} it.scrollTop = 100")
    window.screenshot("scrolled-up")
    window.session.click("button.latest")
    assert comes_true(lambda: window.js(below) < 2)
    provider.finish()
    window.answered()
