"""Posts of threads: a question and its answers, a submission and its comments, sorted on disk and read together."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import orjson

from curator.documents import Tally
from curator.sources.sorting import Sorter

THREAD_BYTES = 64 << 20  # what goes beyond is an error
_KEY = struct.Struct(">QBQ")  # thread, 0 for what begins it or 1 for what answers, id


def record(thread: int, answers: bool, number: int, fields: Sequence[Any]) -> bytes:
    """A post for a Sorter."""
    return _KEY.pack(thread, int(answers), number) + orjson.dumps(fields)


def threads(posts: Sorter, tally: Tally) -> Iterator[tuple[int, Iterator[tuple[bool, list[Any]]]]]:
    """`(thread, posts)`, of each post whether it answers and its fields: what begins the thread first, then by id. Posts are to
    be read before the next thread is asked for."""
    for thread, records in groupby(posts, key=lambda each: _KEY.unpack_from(each)[0]):
        yield thread, _posts(thread, records, tally)


def _posts(thread: int, records: Iterator[bytes], tally: Tally) -> Iterator[tuple[bool, list[Any]]]:
    before, size = b"", 0
    for each in records:
        key, size = each[: _KEY.size], size + len(each)
        if key == before:
            tally.error("duplicate_post", thread, "two posts have this id")
        elif size > THREAD_BYTES:
            tally.error("thread_too_large", thread, f"more than {THREAD_BYTES:,} bytes")
        else:
            yield bool(key[8]), orjson.loads(each[_KEY.size :])
        before = key
