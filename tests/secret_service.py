"""A Secret Service of the tests' own: gnome-keyring on a D-Bus session that nobody else is on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import install_lines, missing

_PASSWORD = b"the password of the desktop"
_INTERNAL = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"
"""What the desktop's own programs open a collection by, without a dialogue."""
_HOMES = ("HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
_LIMIT_S = 10.0

# A session bus that starts no program by itself. The usual one, asked for the service while it is
# not there, would start a second daemon: one that is locked, and that has the name first.
_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""


class SecretService:
    """Runs in a folder of its own, until closed. `environment` is for who is to use it."""

    def __init__(self) -> None:
        with ExitStack() as made:
            # Not pytest's folder: a socket's path must be short.
            self._folder = Path(tempfile.mkdtemp(prefix="keyring-"))
            made.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._own = {"PATH": os.environ["PATH"]} | dict.fromkeys(_HOMES, str(self._folder))
            bus, self.address = self._start_bus()
            made.callback(_end, bus)
            self._daemon = self._start_daemon()
            made.callback(_end, self._daemon)
            self._wait_until_open()
            self._made = made.pop_all()
        self.environment = {
            "DBUS_SESSION_BUS_ADDRESS": self.address,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring",
        }

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock it, as a desktop does after a while, and open it again."""
        import secretstorage  # noqa: PLC0415 - Linux alone has it
        from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415 - as above

        with open_dbus_connection(self.address) as connection:
            secretstorage.Collection(connection).lock()
        try:
            yield
        finally:
            self._unlock()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nobody."""
        self._daemon.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._daemon.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End both programs."""
        self._made.close()

    def _start_bus(self) -> tuple[subprocess.Popen[bytes], str]:
        config = self._folder / "bus.conf"
        config.write_text(_BUS.format(folder=self._folder), encoding="utf-8")
        bus = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--print-address", f"--config-file={config}"],  # noqa: S607 - PATH's
            env=self._own,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert bus.stdout is not None
        with bus.stdout as said:
            return bus, said.readline().decode().strip()

    def _start_daemon(self) -> subprocess.Popen[bytes]:
        daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],  # noqa: S607 - PATH's
            env=self._own | {"DBUS_SESSION_BUS_ADDRESS": self.address},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert daemon.stdin is not None
        with daemon.stdin as password:
            password.write(_PASSWORD)
        return daemon

    def _wait_until_open(self) -> None:
        import secretstorage  # noqa: PLC0415 - Linux alone has it
        from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415 - as above

        assert self._daemon.stdout is not None
        with self._daemon.stdout as said:
            told = said.read()  # it closes its output when it is open and on the bus
        with open_dbus_connection(self.address) as connection:
            assert not secretstorage.Collection(connection).is_locked(), told.decode()

    def _unlock(self) -> None:
        from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415 - Linux alone has it
        from secretstorage import collection, defines, util  # noqa: PLC0415 - as above

        with open_dbus_connection(self.address) as connection:
            password = util.format_secret(util.open_session(connection), _PASSWORD, "text/plain")
            service = util.DBusAddressWrapper(defines.SS_PATH, _INTERNAL, connection)
            what = (collection.DEFAULT_COLLECTION, password)
            service.call("UnlockWithMasterPassword", "o(oayays)", *what)
            assert not collection.Collection(connection).is_locked()


def running() -> Iterator[SecretService]:
    """One for a whole session of tests, or a skip that says what to install."""
    if sys.platform != "linux":
        pytest.skip("this system's keyring is another one")
    if not all(map(shutil.which, ("gnome-keyring-daemon", "dbus-daemon"))):
        lines = install_lines("keyring") or ["scripts/setup --system --for test"]
        missing("gnome-keyring", "; ".join(lines))
    service = SecretService()
    try:
        yield service
    finally:
        service.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # also where it is stopped
    process.wait(_LIMIT_S)
