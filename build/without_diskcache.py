"""Runs first in the frozen worker: takes the place of diskcache.

llama_cpp imports it for a cache on disk that the worker does not use; it would bring SQLite.
"""

import sys
import types

sys.modules["diskcache"] = types.ModuleType("diskcache")
