"""JSON as dumps have it: parsed by the standard, and where that fails, by what careless writers make of it."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from curator.documents import Tally

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# Escapes one after the other, so that `\\ud800`, a backslash and letters, is none; a group where one is half a pair.
_ESCAPES = re.compile(
    rb"(?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})++"
    rb"|\\(u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def parse(data: bytes | str) -> tuple[Any, int]:
    """A JSON value, and how many lone surrogates (`\\ud800`: half a character, which no UTF-8 can hold) are U+FFFD in it. What
    Python writes of a NaN or an infinity is null. Raises orjson.JSONDecodeError."""
    try:
        return orjson.loads(data), 0
    except orjson.JSONDecodeError as error:
        failure = error
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    raw, count = _without_surrogates(raw) if _SURROGATE.search(raw) else (raw, 0)
    if count:
        try:
            return orjson.loads(raw), count
        except orjson.JSONDecodeError:
            pass
    if b"NaN" in raw or b"Infinity" in raw:
        try:
            value = json.loads(raw, parse_constant=lambda name: None)
            orjson.dumps(value)  # nothing that could not be written again
        except (ValueError, TypeError, RecursionError):
            pass
        else:
            return value, count
    raise failure


def parsed(data: bytes | str, where: int | str, tally: Tally) -> Any:
    """`parse`, with what was replaced counted."""
    value, count = parse(data)
    count_replaced(count, where, tally)
    return value


def count_replaced(count: int, where: int | str, tally: Tally) -> None:
    if count:
        tally.mended("lone_surrogate", where, count, "lone surrogates (\\ud800) read as U+FFFD, the first of them here")


def _without_surrogates(raw: bytes) -> tuple[bytes, int]:
    count = 0

    def written(escapes: re.Match[bytes]) -> bytes:
        nonlocal count
        if escapes[1] is None:
            return escapes[0]
        count += 1
        return rb"\ufffd"

    return _ESCAPES.sub(written, raw), count
