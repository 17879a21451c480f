"""What a desktop does to a window, without one: its button in the corner, by Xlib itself."""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

_CLIENT_MESSAGE = 33


class _ClientMessage(ctypes.Structure):
    _fields_: ClassVar = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_long * 16),
    ]


def close_windows(display: str) -> int:
    """Ask every window of a screen to close (WM_DELETE_WINDOW); return how many were asked."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XDefaultRootWindow.restype = x11.XInternAtom.restype = ctypes.c_ulong
    opened = ctypes.c_void_p(x11.XOpenDisplay(display.encode()))
    assert opened.value, f"no screen {display}"
    protocols, delete = (
        x11.XInternAtom(opened, name, False)  # noqa: FBT003 - C's own signature
        for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")
    )
    asked = 0
    for window in _children(x11, opened, x11.XDefaultRootWindow(opened)):
        if delete in _protocols(x11, opened, window):
            data = (ctypes.c_long * 5)(delete, 0)
            event = _ClientMessage(
                _CLIENT_MESSAGE, 0, 1, opened, window, protocols, 32, data, (ctypes.c_long * 16)()
            )
            x11.XSendEvent(opened, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event))
            asked += 1
    x11.XCloseDisplay(opened)
    return asked


def _children(x11: Any, display: ctypes.c_void_p, window: int) -> list[int]:  # noqa: ANN401 - a library
    found, count = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
    unused = (ctypes.byref(ctypes.c_ulong()), ctypes.byref(ctypes.c_ulong()))
    x11.XQueryTree(
        display, ctypes.c_ulong(window), *unused, ctypes.byref(found), ctypes.byref(count)
    )
    return [found[place] for place in range(count.value)]


def _protocols(x11: Any, display: ctypes.c_void_p, window: int) -> list[int]:  # noqa: ANN401 - a library
    found, count = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_int()
    if not x11.XGetWMProtocols(
        display, ctypes.c_ulong(window), ctypes.byref(found), ctypes.byref(count)
    ):
        return []
    return [found[place] for place in range(count.value)]
