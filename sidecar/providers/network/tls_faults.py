"""Why a TLS handshake failed, in words that a person can act on."""

from __future__ import annotations

import ssl

from sidecar.keys.redaction import scrub

_MAX_DETAIL = 200
_EXPIRED = "expired"
_FOREIGN = "foreign"
_UNKNOWN = "unknown"
_CODES = {
    # OpenSSL's (x509_vfy.h)
    9: _EXPIRED, 10: _EXPIRED, 62: _FOREIGN, 64: _FOREIGN,
    2: _UNKNOWN, 18: _UNKNOWN, 19: _UNKNOWN, 20: _UNKNOWN, 21: _UNKNOWN,
    # Windows' (winerror.h), which truststore passes on
    0x800B0101: _EXPIRED, 0x800B010F: _FOREIGN, 0x800B0109: _UNKNOWN, 0x800B010A: _UNKNOWN,
    # macOS's (SecBase.h), likewise
    -67818: _EXPIRED, -67819: _EXPIRED, -67602: _FOREIGN, -67843: _UNKNOWN, -25318: _UNKNOWN,
}  # fmt: skip
_SAID = {
    _EXPIRED: "its certificate is not valid today",
    _FOREIGN: "its certificate is for another host",
    _UNKNOWN: "its certificate is signed by nobody whom this computer trusts",
}
_HINTS = {
    _EXPIRED: """\
Check date and time of this computer. If they are right, the certificate has expired, and whoever \
runs the server must renew it.""",
    _FOREIGN: """\
Check the provider's base_url. A network with a sign-in page may answer in the provider's place: \
open a web page in a browser and sign in.""",
    _UNKNOWN: """\
Where a company or a virus scanner looks into connections, add its CA to the system's trust store, \
or name the CA's PEM file as `ca_file` in [network] of config.toml.""",
}


def explain(error: BaseException) -> tuple[str, str] | None:
    """Return what happened and a hint; None where TLS is not the cause."""
    cause = _tls_error(error)
    if cause is None:
        return None
    if isinstance(cause, ssl.SSLCertVerificationError):
        detail = scrub(str(getattr(cause, "verify_message", "") or cause), _MAX_DETAIL)
        what = _CODES.get(getattr(cause, "verify_code", 0))
        if what is None:
            return f"its certificate was refused: {detail}", _HINTS[_UNKNOWN]
        return f"{_SAID[what]} ({detail})", _HINTS[what]
    if cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        hint = "Its address probably begins with http://, and not with https://."
        return "it does not speak TLS", hint
    detail = scrub(cause.reason or str(cause), _MAX_DETAIL)
    hint = "Something between here and there may stop TLS: a firewall, a proxy, a virus scanner."
    return f"TLS failed ({detail})", hint


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error
