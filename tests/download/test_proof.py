"""`GzipMembers` against zlib on the whole of the data at once."""

from __future__ import annotations

import gzip
import itertools
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.download.proof import GzipMembers


def whole(data: bytes) -> bool:
    """One member after the other, each inflated in one call."""
    if not data:
        return False
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            member.decompress(data)
        except zlib.error:
            return False
        if not member.eof:
            return False
        data = member.unused_data
    return True


def found(data: bytes, cuts: list[int]) -> bool:
    proof = GzipMembers()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, stop in itertools.pairwise(edges):
        proof.update(data[start:stop])
    return proof.ended and proof.error is None


@given(
    st.lists(st.binary(max_size=200), max_size=5),
    st.lists(st.integers(0, 5000), max_size=8),
    st.integers(0, 5000),
    st.sampled_from(["none", "cut", "flip", "tail"]),
)
def test_as_zlib_says(texts: list[bytes], cuts: list[int], at: int, damage: str) -> None:
    data = bytearray(b"".join(gzip.compress(text) for text in texts))
    if damage == "cut":
        del data[at % (len(data) + 1) :]
    elif damage == "flip" and data:
        data[at % len(data)] ^= 1 << (at % 8)
    elif damage == "tail":
        data += b"tail"
    assert found(bytes(data), cuts) == whole(bytes(data))


@pytest.mark.parametrize("data", [gzip.compress(b"") * 100_000, gzip.compress(bytes(100_000_000))])
def test_tiny_members_and_huge_ones_take_time_in_proportion(data: bytes) -> None:
    began = time.process_time()
    proof = GzipMembers()
    proof.update(data)
    assert proof.ended
    assert time.process_time() - began < 5
