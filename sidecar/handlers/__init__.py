"""One thin function per method, with its parameters and result beside it."""
