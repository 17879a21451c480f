"""`ai-sidecar doctor` on proxies and certificates: a line each, with what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sidecar.providers.network import trust
from sidecar.terminal import doctor_network
from sidecar.terminal.finding import Finding
from tests.certificates import Authority
from tests.providers.network.surroundings import IN_A_URL
from tests.terminal.conftest import Run
from tests.terminal.test_doctor import lines_of


def found(home: Path, text: str = "", **environ: str) -> dict[str, Finding]:
    """The findings by part."""
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(text, encoding="utf-8")
    return {each.part: each for each in doctor_network.findings(home, environ)}


def test_with_nothing_set_all_is_in_order(tmp_path: Path) -> None:
    findings = found(tmp_path)
    assert {each.level for each in findings.values()} == {"ok"}
    assert findings["proxy"].text == "none is set"
    assert findings["ca_file"].text == "none is named: the trust store alone counts"


def test_it_is_a_part_of_what_the_doctor_says(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("[network]\nca_file = 'ca.pem'\n", encoding="utf-8")
    done = run("doctor", HTTPS_PROXY=f"http://{IN_A_URL}@proxy.example:3128")
    lines = lines_of(done.stdout)
    assert lines["proxy"] == "ok http://proxy.example:3128 with a user name (HTTPS_PROXY)"
    assert lines["ca_file"].startswith(f"warning The CA file {home / 'ca.pem'} can't be used")
    assert lines["trust"].startswith("ok ")
    assert IN_A_URL.partition(":")[2] not in done.stdout + done.stderr


def test_each_proxy_is_shown_with_who_names_it_and_without_its_login(tmp_path: Path) -> None:
    text = f"""
[network]
proxy = "http://{IN_A_URL}@usual.example:1"
[providers.groq]
proxy = "http://{IN_A_URL}@own.example:2"
[providers.openai]
proxy = "direct"
"""
    finding = found(tmp_path, text, NO_PROXY=".corp,10.0.0.0/8")["proxy"]
    assert finding == Finding(
        "ok",
        "proxy",
        "http://usual.example:1 with a user name (`proxy` in [network] of config.toml); "
        "groq: http://own.example:2 with a user name (`proxy` in [providers.groq] of "
        "config.toml); openai: directly, without a proxy; not for .corp, 10.0.0.0/8 (NO_PROXY)",
    )


@pytest.mark.parametrize(
    ("text", "environ", "remedy"),
    [
        ("", {"HTTPS_PROXY": "socks5://h:1"}, "Set HTTPS_PROXY to an HTTP proxy"),
        ("[network]\nproxy = 'h:port'", {}, "Correct `proxy` in config.toml"),
        ("[providers.groq]\nproxy = 5", {}, "Correct `proxy` in config.toml"),
        ("", {"NO_PROXY": "10.0.0.0/99"}, "Write networks like 10.0.0.0/8."),
    ],
)
def test_what_cannot_be_used_of_proxies_is_told_with_its_remedy(
    tmp_path: Path, text: str, environ: dict[str, str], remedy: str
) -> None:
    finding = found(tmp_path, text, **environ)["proxy"]
    assert finding.level == "warning"
    assert (finding.remedy or "").startswith(remedy)


def test_a_ca_file_is_shown_with_how_many_certificates_it_has(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    finding = found(tmp_path, "[network]\nca_file = 'ca.pem'")["ca_file"]
    assert finding.text == f"{authority.file}, one certificate, besides the trust store"


def test_a_trust_store_that_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "is not there"))
    finding = found(tmp_path)["trust"]
    assert finding.level == "warning"
    assert "SSL_CERT_FILE" in (finding.remedy or "")


@pytest.mark.skipif(sys.platform != "linux", reason="there the store is a file")
def test_certifi_s_list_in_the_store_s_place_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = trust.Store("certifi", "cacert.pem")
    monkeypatch.setattr(trust, "find", lambda: store)
    monkeypatch.setattr(trust.Trust, "build", lambda _: None)
    finding = found(tmp_path)["trust"]
    assert finding.level == "warning"
    assert "ca-certificates" in (finding.remedy or "")
