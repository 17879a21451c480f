"""llama.cpp's code for this machine's processor, chosen when the worker starts.

On Linux scripts/setup builds its CPU part as several libraries (`build/llama_cpp.cmake`), each for
a kind of processor. llama.cpp itself tells which of them the machine has the instructions for, and
which is the fastest. Where it was built as one, there is nothing to choose.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_LogCallback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


_say_nothing = _LogCallback(lambda _level, _text, _data: None)
"""In the place of llama.cpp's own log, which would tell the choice on stderr."""


def load(llama: ctypes.CDLL, folder: Path) -> None:
    """Load the best library of `folder`. Raises `RuntimeError` where none runs here.

    Left alone llama.cpp would look beside Python's program and in the current folder, where
    anybody may have put one. It is asked through libllama: the libggml that llama_cpp loads
    besides is another file to the system, and has a registry of its own.
    """
    if sys.platform != "linux" or llama.ggml_backend_reg_count():
        return
    llama.ggml_log_set(_say_nothing, None)
    llama.ggml_backend_load_all_from_path(os.fsencode(folder))
    if not llama.ggml_backend_reg_count():
        raise RuntimeError("llama.cpp has no code for this processor: SSE 4.2 is the least")
