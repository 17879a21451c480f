"""One thin function per method, with its parameters and result beside it.

A plain function answers at once; an `async` one may wait, and others are served meanwhile.
"""
