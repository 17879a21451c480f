"""Keys go one way: through the window into the sidecar, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from tests.conditions import comes_true
from tests.e2e.provider import Provider
from tests.e2e.webdriver import ENTER
from tests.e2e.window import ANSWER, Folders, Open, Window

KEY = "sk-test-4f9c0b7e2d51a8364f9c0b7e2d51a836"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of this test's vault
MEMORY = '[key_store]\norder = ["memory"]\n'
VAULT = '[key_store]\norder = ["vault"]\n'


def is_in_a_file(folder: Path, word: str) -> list[Path]:
    """The files with this word in them, in the clear."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    return [path for path in files if word.encode() in path.read_bytes()]


def enter(window: Window, key: str = KEY) -> None:
    """Paste a key for OpenAI."""
    window.session.type("#key", key + ENTER)


def open_provider(window: Window) -> None:
    window.session.click("#pick")
    window.session.click("button[data-provider=openai]")


def answers(window: Window, provider: Provider) -> None:
    """Ask, and see that the provider was sent the key."""
    window.ask("Hello?")
    provider.say("Hello!")
    provider.finish()
    assert window.answered() == "Hello!"
    assert f"authorization: bearer {KEY}".encode() in provider.asked()[-1].lower()


def keeps_no(window: Window, *words: str) -> None:
    """See that neither the page nor any file of the app has these words."""
    held = window.everything()
    for word in words:
        assert word not in held
        assert is_in_a_file(window.folders.root, word) == []


def test_a_key_is_entered_used_and_nowhere_to_be_found(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    folders.write_config(provider.config("openai") + MEMORY)
    window = open_app()
    open_provider(window)
    window.shows("button[data-provider=openai] .state", "Needs a key")
    window.shows("#key")
    window.screenshot("key-entry")
    enter(window)
    window.shows("[data-key=default]", "in memory")
    window.shows("li[data-model=quick-1]")
    assert len(window.text("[data-key] .fingerprint")) == 8
    assert window.count("#key") == 0
    keeps_no(window, KEY)
    window.screenshot("key-kept")
    window.session.type("#model-search", "quick-1" + ENTER)
    window.vanishes("dialog[open]")
    answers(window, provider)
    keeps_no(window, KEY)
    window.session.reload()
    assert window.answered() == "Hello!"
    keeps_no(window, KEY)


def test_a_key_can_be_deleted(open_app: Open, folders: Folders, provider: Provider) -> None:
    folders.write_config(provider.config("openai") + MEMORY)
    window = open_app()
    open_provider(window)
    enter(window)
    window.shows("[data-key=default]")
    window.session.click("[data-action=delete]")
    window.shows("[data-action=delete]", "Really")
    window.session.click("[data-action=delete]")
    window.shows("#key")
    window.shows("button[data-provider=openai] .state", "Needs a key")


def test_a_refused_key_is_asked_for_again(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    folders.write_config(provider.config("openai") + MEMORY)
    window = open_app()
    provider.refuses = ("401 Unauthorized", f"Incorrect API key provided: {KEY}")
    open_provider(window)
    enter(window)
    window.shows("[data-key=default]")
    window.session.type("#model-search", "quick-1" + ENTER)
    window.vanishes("dialog[open]")
    window.ask("Hello?")
    window.shows(f"{ANSWER} [data-kind=authentication]", "The key was refused")
    window.screenshot("key-refused")
    keeps_no(window, KEY)
    window.session.click(f"{ANSWER} [data-kind] .primary")
    window.shows("[data-key=default]")


def test_a_vault_is_made_locked_and_opened_by_its_password(
    open_app: Open, folders: Folders, provider: Provider
) -> None:
    folders.write_config(provider.config("openai", model="quick-1") + VAULT)
    window = open_app()
    open_provider(window)
    window.shows("[data-vault=create]")
    window.screenshot("vault-new")
    window.session.type("#vault-password", PASSWORD + ENTER)
    window.shows("#key")
    assert comes_true(lambda: window.js("return document.activeElement.id") == "key")
    enter(window)
    window.shows("[data-key=default]", "vault")
    window.session.type("#model-search", "quick-1" + ENTER)
    window.vanishes("dialog[open]")
    answers(window, provider)
    window.end()

    window = open_app()
    window.shows("#pick", "OpenAI")
    window.ask("Hello?")
    window.shows(f"{ANSWER} [data-vault=unlock]")
    window.screenshot("vault-locked")
    window.session.type("#vault-password", "wrong" + ENTER)
    window.shows("[data-vault=unlock] .problem")
    window.session.type("#vault-password", PASSWORD + ENTER)
    provider.say("Welcome back.")
    provider.finish()
    assert comes_true(lambda: window.answer() == "Welcome back.")
    window.answered()
    keeps_no(window, KEY, PASSWORD)
