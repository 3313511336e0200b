"""One payload in one charset: characters, and how many stand for bad bytes."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

_MOST_REPAIRED = 1000  # bad places that are looked up in a neighbouring code page: bounds the calls back into Python


@dataclass(frozen=True)
class Decoded:
    """What is asked for is made when it is: most payloads are UTF-8, and most who read them go on with bytes."""

    held: str | bytes  # bytes are valid UTF-8
    charset: str  # the Python codec that made the text
    replaced: int  # characters U+FFFD that stand for bad bytes

    @cached_property
    def text(self) -> str:
        return self.held if isinstance(self.held, str) else self.held.decode()

    @cached_property
    def utf8(self) -> bytes:
        return self.held if isinstance(self.held, bytes) else self.held.encode("utf-8", "replace")


def beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def decoded_as(payload: bytes, charset: str) -> Decoded:
    """The text of a payload in this charset, whatever else it may be."""
    if charset == "utf-8" and (whole := _utf8(payload)) is not None:
        return Decoded(whole, charset, 0)
    with suppress(UnicodeDecodeError):  # most have nothing bad that would be counted
        return Decoded(_decode_whole_characters(payload, charset, "strict"), charset, 0)
    text = _decode_whole_characters(payload, charset, "replace")
    replaced = text.count("\ufffd")
    if replaced:
        replaced -= _written_replacements(payload, charset)
        if charset in _REPAIRS and 0 < replaced <= _MOST_REPAIRED:
            text = _decode_whole_characters(payload, charset, f"curator-{charset}")
            replaced = text.count("\ufffd") - _written_replacements(payload, charset)
    return Decoded(text, charset, max(replaced, 0))


def _decode_whole_characters(payload: bytes, charset: str, errors: str) -> str:
    """An incremental decoder that is never told of the end keeps back a character that is cut there."""
    return codecs.getincrementaldecoder(charset)(errors).decode(payload, False)


def _utf8(payload: bytes) -> bytes | None:
    """The whole characters of a payload that is UTF-8 without a fault, None for another. Arrow looks at its bytes four times
    as fast as Python makes characters of them."""
    cut = _cut(payload)
    if cut:
        try:
            if codecs.getincrementaldecoder("utf-8")().decode(payload[-cut:], False):
                return None
        except UnicodeDecodeError:
            return None
        payload = payload[:-cut]
    ends = pa.py_buffer(np.array([0, len(payload)], np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(payload)).validate(full=True)
    except pa.ArrowInvalid:
        return None
    return payload


def _cut(payload: bytes) -> int:
    """How many bytes at the end may be the beginning of a character of UTF-8."""
    for cut in range(1, min(len(payload), 3) + 1):
        byte = payload[-cut]
        if byte >= 0xC0:
            return cut if cut < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else 0
        if byte < 0x80:
            break
    return 0


def _written_replacements(payload: bytes, charset: str) -> int:
    """How often the page itself holds U+FFFD."""
    if charset in ("utf-8", "gb18030"):
        return payload.count("\ufffd".encode(charset))
    if charset.startswith("utf-16"):
        marks = "\ufffd".encode(charset)
        return sum(1 for i in _all(payload, marks) if i % 2 == 0)
    return 0


def _all(payload: bytes, needle: bytes) -> list[int]:
    return [m.start() for m in re.finditer(re.escape(needle), payload)]


# Where Python's codecs lack what the standard's decoders (and so real pages) have.


def _gb18030_byte(data: bytes) -> tuple[str, int] | None:
    return ("\u20ac", 1) if data[:1] == b"\x80" else None  # the euro of Windows' code page 936


def _big5_pair(data: bytes) -> tuple[str, int] | None:
    return _pair(data[:2], "cp950")  # the ETEN extensions


def _euc_jp_pair(data: bytes) -> tuple[str, int] | None:
    """The NEC and IBM rows (①, ㈱, 髙), by way of code page 932: both number the same rows and cells."""
    if len(data) < 2 or data[0] < 0xA1 or data[1] < 0xA1:
        return None
    row, cell = data[0] - 0xA1, data[1] - 0xA1
    first = row // 2 + (0x81 if row < 62 else 0xC1)
    second = cell + (0x9F if row % 2 else 0x40 if cell < 63 else 0x41)
    return _pair(bytes((first, second)), "cp932")


def _pair(data: bytes, charset: str) -> tuple[str, int] | None:
    try:
        return data.decode(charset), 2
    except UnicodeDecodeError:
        return None


_REPAIRS = {"gb18030": _gb18030_byte, "big5hkscs": _big5_pair, "euc_jp": _euc_jp_pair}


def _register(charset: str) -> None:
    repair = _REPAIRS[charset]

    def handle(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        found = repair(error.object[error.start : error.start + 2])
        return (found[0], error.start + found[1]) if found and len(found[0]) == 1 else ("\ufffd", error.end)

    codecs.register_error(f"curator-{charset}", handle)


for _charset in _REPAIRS:
    _register(_charset)
