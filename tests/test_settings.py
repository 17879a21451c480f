from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sidecar import settings
from sidecar.engine.directory import Directory
from sidecar.engine.network import Network
from sidecar.settings import Config, ProviderSettings, Settings
from tests.conftest import Start
from tests.providers.sidecars import LIMIT_S


def load(home: Path, text: str | bytes) -> Settings:
    data = text.encode() if isinstance(text, str) else text
    (home / "config.toml").write_bytes(data)
    return settings.load(home)


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    found = settings.load(tmp_path / "none")
    assert (found.config, found.problems) == (Config(), ())


def test_everything_that_can_be_set_is_read(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        active = { provider = "groq", model = "m" }
        [providers.groq]
        base_url = "https://proxy.example/v1"
        key_variable = "MY_KEY"
        display_name = "Groq, through us"
        model = "m"
        max_tokens = 5
        temperature = 1
        organization = "o"
        timeouts = { connect_ms = 1 }
        [providers.own]
        format = "openai_chat"
        [timeouts]
        first_token_ms = 1
        idle_ms = 2
        total_ms = 3
        [protocol]
        max_line_bytes = 1000000
        """,
    )
    assert found.problems == ()
    assert found.config.active is not None
    assert found.config.active.model == "m"
    assert found.config.providers["groq"].temperature == 1
    assert set(found.config.providers) == {"groq", "own"}
    assert found.config.timeouts.idle_ms == 2
    assert found.config.protocol.max_line_bytes == 1_000_000


def test_a_mark_that_an_editor_set_at_the_start_is_no_fault(tmp_path: Path) -> None:
    found = load(tmp_path, b'\xef\xbb\xbfactive = { provider = "groq" }\r\n')
    assert found.problems == ()
    assert found.config.active is not None


GOOD = '\n[providers.groq]\nmodel = "kept"\n'
WRONG = {
    "wrong = 1": ("wrong", "Known: active, providers"),
    "active = 5": ("active", ""),
    "active = {}": ("active.provider", "provider"),
    'active = { provider = "groq", modle = "x" }': ("active.modle", "`model`"),
    "active = 1979-05-27": ("active", ""),
    "providers.xai = 5": ("providers.xai", ""),
    "providers.xai.max_tokens = 'five'": ("providers.xai.max_tokens", "int"),
    "providers.xai.max_tokens = 0": ("providers.xai.max_tokens", ""),
    "providers.xai.temperature = -1": ("providers.xai.temperature", ""),
    "providers.xai.bas_url = 'x'": ("providers.xai.bas_url", "`base_url`"),
    "providers.xai.timeouts.idle_ms = 0": ("providers.xai.timeouts.idle_ms", ""),
    "timeouts = 5": ("timeouts", ""),
    "timeouts.idle = 5": ("timeouts.idle", "`idle_ms`"),
    "timeouts.idle_ms = 1.5": ("timeouts.idle_ms", "int"),
    "protocol.max_line_bytes = 0": ("protocol.max_line_bytes", ""),
    "protocol.max_line_bytes = -1": ("protocol.max_line_bytes", ""),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_its_place_and_the_rest_is_used(
    tmp_path: Path, text: str
) -> None:
    place, hint = WRONG[text]
    found = load(tmp_path, text + GOOD)
    [problem] = found.problems
    assert problem.startswith(str(tmp_path / "config.toml"))
    assert place in problem
    assert hint in problem
    assert found.config.providers["groq"].model == "kept"
    assert found.config.providers.get("xai", ProviderSettings()) in (
        ProviderSettings(),
        ProviderSettings(base_url=settings.NO_ADDRESS),
    )
    assert found.config.timeouts == Config().timeouts
    assert found.config.protocol == Config().protocol


def test_a_wrong_key_takes_no_other_key_of_its_row_with_it(tmp_path: Path) -> None:
    text = """
[providers.openai]
base_url = "https://proxy.example/v1"
model = "m"
temprature = 1
max_tokens = 0
"""
    found = load(tmp_path, text)
    assert found.config.providers["openai"] == ProviderSettings(
        base_url="https://proxy.example/v1", model="m"
    )
    assert [each.endswith("The default is used.") for each in found.problems] == [True, True]


@pytest.mark.parametrize(
    "line", ["base_url = 5", "bas_url = 'https://proxy.example'", "key_variable = ''"]
)
def test_a_row_that_does_not_say_where_its_key_goes_has_no_address(
    tmp_path: Path, line: str
) -> None:
    found = load(tmp_path, f"providers.openai.{line}")
    [problem] = found.problems
    assert problem.endswith("The provider is not used until then.")
    row = Directory(found.config, scripted=False).row("openai")
    assert (row.base_url, row.has_address) == (None, False)


@pytest.mark.parametrize("line", ["proxy = 5", "proxi = 'http://proxy.example'", "proxy = ''"])
def test_a_row_that_does_not_say_its_proxy_is_not_asked_without_one(
    tmp_path: Path, line: str
) -> None:
    found = load(tmp_path, f"providers.openai.{line}")
    network = Network(found.config, tmp_path)
    [problem] = [*found.problems, *network.problems()]
    assert "until then." in problem
    assert network.proxy_of("openai") == "unusable"
    assert network.proxy_of("groq") is None


@pytest.mark.parametrize(
    ("text", "proxy", "ca_file"),
    [
        ("network = 5", "unusable", "unusable"),
        ("[network]\nproxy = 5", "unusable", None),
        ("[network]\nproxi = 'http://proxy.example'", "unusable", None),
        ("[network]\nproxy = 'socks5://proxy.example'", "unusable", None),
        ("[network]\nca_file = 5", None, "unusable"),
        ("[network]\nca_files = 'a.pem'", None, "unusable"),
        ("[network]\nproxy = 'direct'\nno_proxy = 'a'", "direct", None),
        ("[network]\ncolour = 5", None, None),
    ],
)
def test_what_is_wrong_about_the_network_is_no_default(
    tmp_path: Path, text: str, proxy: str | None, ca_file: str | None
) -> None:
    found = load(tmp_path, text)
    network = Network(found.config, tmp_path)
    [problem] = [*found.problems, *network.problems()]
    assert (network.proxy, network.ca_file) == (proxy, ca_file)
    lost = "unusable" in (proxy, ca_file)
    assert problem.endswith("until then." if lost else "It is ignored.")


def test_a_ca_file_lies_beside_config_toml_unless_it_says_more(tmp_path: Path) -> None:
    for text, path in (
        ("ca.pem", tmp_path / "ca.pem"),
        ("/etc/ca.pem", Path("/etc/ca.pem")),
        ("~/ca.pem", Path.home() / "ca.pem"),
    ):
        found = load(tmp_path, f"[network]\nca_file = '{text}'")
        assert Network(found.config, tmp_path).ca_file == path


def test_a_ca_file_that_is_missing_or_broken_is_told_at_the_start(tmp_path: Path) -> None:
    found = load(tmp_path, "[network]\nca_file = 'ca.pem'")
    [missing] = Network(found.config, tmp_path).problems()
    assert f"The CA file {tmp_path / 'ca.pem'} can't be used: No such file" in missing
    (tmp_path / "ca.pem").write_text("nothing", encoding="utf-8")
    [broken] = Network(found.config, tmp_path).problems()
    assert "no certificate that can be read" in broken
    assert "openssl x509" in broken


@pytest.mark.parametrize(
    "data",
    [
        b"active = ",
        b"\xff\xfe",
        b"[a]\n[a]\n",
        b"a = " + b"[" * 100_000,
        b"a = " + b"9" * 5000,
        "active = 1".encode("utf-16"),
    ],
    ids=["cut off", "bytes", "twice", "deep", "huge", "UTF-16"],
)
def test_a_file_that_is_not_toml_is_told_and_the_defaults_are_used(
    tmp_path: Path, data: bytes
) -> None:
    found = load(tmp_path, data)
    assert found.config == Config()
    [problem] = found.problems
    assert problem.startswith(str(tmp_path / "config.toml"))
    assert problem.endswith("The defaults are used.")


def test_a_folder_in_the_files_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    found = settings.load(tmp_path)
    assert found.config == Config()
    assert len(found.problems) == 1


# --- the home ------------------------------------------------------------------------------------


def test_the_home_is_the_one_that_is_given_then_the_variables_then_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_SIDECAR_HOME", str(tmp_path / "variable"))
    assert settings.load(tmp_path / "given").home == tmp_path / "given"
    assert settings.load().home == tmp_path / "variable"
    monkeypatch.setenv("AI_SIDECAR_HOME", "~/there")
    assert settings.load().home == Path.home() / "there"
    monkeypatch.delenv("AI_SIDECAR_HOME")
    assert settings.load().home.name == "ai-sidecar"


# --- through a real sidecar ----------------------------------------------------------------------

LONG = "x" * 101
ALL_WRONG = """
nonsense = true
active = { provider = "nobody" }
[providers.openai]
base_url = "http://api.example"
[providers.groq]
base_url = "https://me:secret@api.example"
[providers.own]
base_url = "https://api.example"
[providers.other]
format = "xml"
[providers.LONG]
format = "openai_chat"
[providers.xai]
model = "kept"
[timeouts]
idle_ms = "long"
""".replace("LONG", LONG)


def test_a_file_that_is_wrong_in_many_ways_is_told_in_each(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(ALL_WRONG, encoding="utf-8")
    peer = start()
    problems = peer.call("initialize", {}, LIMIT_S)["result"]["problems"]
    places = (
        "nonsense", "active.provider", "providers.openai.base_url", "providers.groq.base_url",
        "providers.own.format", "providers.other.format", f"providers.{LONG}",
        "timeouts.idle_ms",
    )  # fmt: skip
    for place in places:
        found = [each for each in problems if place in each]
        assert len(found) == 1, (place, problems)
        assert "config.toml" in found[0]
    assert len(problems) == len(places), problems
    assert "secret" not in str(problems)
    listed = peer.call("list_ai_providers", {}, LIMIT_S)["result"]["providers"]
    rows = {each["name"]: each for each in listed}
    assert not {"own", "other", LONG} & set(rows)
    assert "base_url" not in rows["openai"]  # which is better than another host than was meant
    assert not rows["openai"]["available"]
    assert rows["xai"]["defaults"] == {"model": "kept"}
    assert rows["local"]["active"]


@pytest.mark.skipif(sys.platform == "win32", reason="names of Unix")
@pytest.mark.parametrize("home", ["file", "x" * 5000])
def test_a_home_that_cannot_be_does_not_keep_it_from_starting(
    start: Start, tmp_path: Path, home: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    peer = start("--home", str(tmp_path / home))
    assert "result" in peer.call("initialize", {}, LIMIT_S)
    given = {"provider": "groq", "model": "m"}
    answer = peer.call("configure_provider", given, LIMIT_S)
    assert answer["error"]["data"]["kind"] == "storage"
    assert "groq" in str(peer.call("list_ai_providers", {}, LIMIT_S)["result"])
