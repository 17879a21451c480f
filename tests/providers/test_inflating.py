"""Compressed bodies: any cut, damage, bombs."""

from __future__ import annotations

import gzip
import zlib

import pytest

from sidecar.errors import InvalidResponse
from sidecar.providers.inflating import Inflater
from tests.providers.answers import CUTS, Cut

TEXT = b"data: {}\n\n" * 1000


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("deflate", [gzip.compress, zlib.compress])
def test_gzip_and_zlib_are_inflated_however_they_are_cut(deflate: type[bytes], cut: Cut) -> None:
    inflater = Inflater()
    body = deflate(TEXT)
    assert b"".join(out for data in cut(body) for out in inflater.feed(data)) == TEXT


def test_gzip_of_several_members_is_inflated_whole() -> None:
    body = gzip.compress(b"one") + gzip.compress(b"two")
    assert b"".join(Inflater().feed(body)) == b"onetwo"


def test_a_bomb_is_inflated_piece_by_piece() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert max(len(piece) for piece in Inflater().feed(bomb)) <= 64 * 1024


def test_damage_is_told() -> None:
    with pytest.raises(InvalidResponse, match="damaged"):
        list(Inflater().feed(b"this is not compressed at all"))
