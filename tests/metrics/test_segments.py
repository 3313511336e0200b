"""Texts to code points: 64 bytes at a time, and as one byte after the other says."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.metrics.classes import table
from curator.metrics.segments import PADDING, decode

parts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.encode),
    st.sampled_from(["plain words, and more of them. " * 3, "中文" * 20, "한국어 ไทย", "é" * 70, "𠀀😀" * 9]).map(str.encode),
    st.sampled_from(
        [b"\xed\xa0\x80", b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf8", b"\x80"]
    ),
    st.sampled_from([b"\xe4\xb8", b"\xf0\x9f\x98", b"\xc3", b"\xff\xfe", "中".encode() * 21 + b"\xf1"]),
    st.binary(max_size=5),
)
rows = st.lists(parts, max_size=12).map(b"".join)


def slowly(data: bytes) -> tuple[list[int], list[int]]:
    """Code points, and where each begins."""
    points, places, i = [], [], 0
    while i < len(data):
        places.append(i)
        for length in range(1, 5):
            try:
                points.append(ord(data[i : i + length].decode()))
            except (UnicodeDecodeError, TypeError):
                continue
            break
        else:
            points.append(0xFFFD)
            length = 1
        i += length
    return points, places


@settings(max_examples=300, deadline=None)
@given(st.lists(rows, max_size=4), st.integers(0, 90))
@example(["中".encode() * 21 + b"\xf0\x9f\x98\x80" * 16, b"x" * 63 + b"\xe4\xb8"], 90)
def test_decoded_is_what_one_byte_after_the_other_says(texts: list[bytes], behind: int) -> None:
    data = np.frombuffer(b"".join(texts) + b"\xe4" * behind + b"\0", np.uint8)
    stops = np.cumsum([len(text) for text in texts], dtype=np.int64)
    starts = stops - np.array([len(text) for text in texts], np.int64)
    room = len(data) + PADDING
    points, kinds, at = np.empty(room, np.uint32), np.empty(room, np.uint8), np.empty(room, np.int32)
    bounds = np.empty(len(texts) + 1, np.int64)
    decode(data, starts, stops, table(), points, kinds, at, bounds)
    assert bounds[0] == 0
    for text, begin, end in zip(texts, bounds[:-1], bounds[1:]):
        want, places = slowly(text)
        assert points[begin:end].tolist() == want
        assert kinds[begin:end].tolist() == table()[want].tolist()
        assert at[begin:end].tolist() == places
