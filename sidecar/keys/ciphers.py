"""The vault's cryptography, all of it: scrypt for passwords, AES-256-GCM for everything else.

https://cryptography.io/en/latest/hazmat/primitives/; scrypt's cost: OWASP's password storage page.
"""

from __future__ import annotations

import base64
import secrets
import unicodedata

from msgspec import Struct

from sidecar.errors import ComponentMissing
from sidecar.keys.secret import Secret

KEY_BYTES = 32
NONCE_BYTES = 12
_MAX_SCRYPT_MEMORY = 1024 * 1024 * 1024


class Unreadable(Exception):
    """The key is another one, or what it should open was changed."""


class Scrypt(Struct, frozen=True, kw_only=True):
    """What a key is derived from a password with (RFC 7914). It takes 128 · n · r bytes."""

    n: int = 2**17
    r: int = 8
    p: int = 1
    salt: str

    @property
    def cost(self) -> int:
        """Grows with the work of one guess."""
        return self.n * self.r * self.p


def new_scrypt(n: int) -> Scrypt:
    """Parameters with a salt of their own."""
    return Scrypt(n=n, salt=base64.b64encode(secrets.token_bytes(16)).decode())


def derive(password: Secret, parameters: Scrypt) -> bytes:
    """Return the key that the password gives. Raises `Unreadable` for impossible parameters.

    Raises `ComponentMissing` where there is not enough memory.
    """
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt as Derivation  # noqa: PLC0415

    # Parameters that were changed must not make this take all memory there is.
    n, r, p = parameters.n, parameters.r, parameters.p
    if min(n, r, p) < 1 or 128 * n * r * p > _MAX_SCRYPT_MEMORY:
        raise Unreadable
    # The same password typed on another system may be composed of other code points.
    text = unicodedata.normalize("NFKC", password.reveal()).encode()
    try:
        salt = base64.b64decode(parameters.salt, validate=True)
        derivation = Derivation(salt=salt, length=KEY_BYTES, n=n, r=r, p=p)
    except ValueError as error:
        raise Unreadable from error
    try:
        return derivation.derive(text)
    except MemoryError as error:
        size = 128 * n * r // 2**20
        message = f"There is not enough memory to open the vault; that takes {size} MB."
        raise ComponentMissing(message, hint="Close other programs, and try again.") from error


def encrypt(key: bytes, plain: bytes, associated: bytes) -> tuple[bytes, bytes]:
    """Return a fresh nonce, and what was encrypted under it together with `associated`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce, AESGCM(key).encrypt(nonce, plain, associated)


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
    """Return what was encrypted. Raises `Unreadable` where any of these is another one."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    try:
        return AESGCM(key).decrypt(nonce, ciphertext, associated)
    except (InvalidTag, ValueError) as error:  # ValueError: a nonce or a key of another length
        raise Unreadable from error
