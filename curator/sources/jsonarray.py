"""One JSON array, element by element: a file that is a single list of objects, of any size, or one object that holds such a
list under some key (told by a first line that is a brace alone; the first list counts).

Elements are cut out by counting brackets outside of strings and parsed one by one, so memory is bounded by the longest, and an
element that is malformed but has its brackets in pairs costs itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

from curator.documents import Piece, Tally
from curator.sources.jsonlines import BOM, loads
from curator.sources.streams import StreamError, open_stream

READ_BYTES = 1 << 20
HEAD_BYTES = 64 << 10  # of which the first that are no space say whether the file is one array
_OF_OBJECTS = re.compile(rb"\s*\[\s*\{")
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{}]', re.DOTALL)
_STRING_ON = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
_SCALAR = re.compile(rb'[^\s,\[\]{}"]*+')
_BETWEEN = re.compile(rb"[\s,]*+")


def head_of(path: str) -> bytes:
    try:
        with open_stream(path) as stream:
            return stream.read(HEAD_BYTES)
    except StreamError:
        return b""  # who reads it meets the same, and names it


def is_list_of_objects(path: str) -> bool:
    """Whether a file is one list (WuDao's), and not a line for each of its lists."""
    return _OF_OBJECTS.match(head_of(path).removeprefix(BOM)) is not None


def records(piece: Piece, tally: Tally, longest: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """`(offset, object)` of a file that is one array."""
    with open_stream(piece.file.path) as stream:
        try:
            for offset, element in elements(stream, longest):
                tally.record()
                if element is None:
                    tally.error("line_too_long", offset, f"an element of more than {longest} bytes")
                    continue
                record = loads(element, offset, tally)
                if record is not None:
                    yield offset, record
        except StreamError as failure:
            behind = ": what follows in the list is not read" if failure.kind == "corrupt" else ""
            tally.broken(failure.kind, max(failure.offset, 0), f"{failure}{behind}")


def is_array(head: bytes) -> bool:
    head = head.removeprefix(BOM).lstrip()
    return head[:1] == b"[" or _is_object(head)


def _is_object(head: bytes) -> bool:
    line, newline, _ = head.partition(b"\n")
    return bool(newline) and line.strip() == b"{"


def elements(stream: IO[bytes], longest: int) -> Iterator[tuple[int, bytes | None]]:
    """`(offset, element)`; the element is None if it is too long. Raises StreamError where the array cannot be read on."""
    return _Array(stream, longest).elements()


class _Array:
    def __init__(self, stream: IO[bytes], longest: int) -> None:
        self._stream = stream
        self._longest = longest
        self._held = b""
        self._at = 0  # what precedes it in `_held` was given
        self._base = 0  # the place of `_held` in the file

    def elements(self) -> Iterator[tuple[int, bytes | None]]:
        while len(self._held) < len(BOM) and self._more():
            pass
        self._at = len(BOM) if self._held.startswith(BOM) else 0
        byte = self._next()
        inside = byte == b"{"
        if inside:
            self._enter()
        elif byte != b"[":
            raise StreamError("corrupt", "no array begins here")
        else:
            self._at += 1
        while (byte := self._next()) != b"]":
            if not byte:
                raise StreamError("truncated", "the file ends before the array does")
            if byte == b"}":
                raise StreamError("corrupt", f"a bracket at {self._base + self._at:,} closes what was not opened")
            place = self._base + self._at
            yield place, self._element(scalar=byte not in b'[{"')
        self._at += 1
        if self._next() and not inside:
            raise StreamError("trailing_bytes", "something else follows the array")

    def _enter(self) -> None:
        """Behind the bracket of the first list in the object that begins here."""
        depth = 0
        while True:
            token = _TOKEN.search(self._held, self._at)
            if token is None or token[1] == b"":
                self._at = len(self._held) if token is None else token.start()
                if len(self._held) - self._at > self._longest or not self._more():
                    raise StreamError("corrupt", "an object without a list")
                continue
            self._at = token.end()
            if token[1] is None:
                if depth == 1 and token[0] == b"[":
                    return
                depth += 1 if token[0] in b"[{" else -1
            if not depth:
                raise StreamError("corrupt", "an object without a list")

    def _next(self) -> bytes:
        """The next byte that is neither space nor comma; nothing at the end of the file."""
        while True:
            found = _BETWEEN.match(self._held, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._held):
                return self._held[self._at : self._at + 1]
            if not self._more():
                return b""

    def _element(self, scalar: bool) -> bytes | None:
        depth, look, dropped, in_string = 0, self._at, 0, False
        while True:
            pattern = _SCALAR if scalar else _STRING_ON if in_string else _TOKEN
            token = pattern.search(self._held, look) if pattern is _TOKEN else pattern.match(self._held, look)
            look = token.end() if token else len(self._held)
            if scalar:
                ended = look < len(self._held)
            else:
                in_string = token is not None and token[1] == b""
                if token is not None and token[1] is None:
                    depth += 1 if token[0] in b"[{" else -1
                ended = token is not None and not in_string and depth <= 0
                if token is not None and not in_string and not ended:
                    continue
            if ended:
                break
            if look - self._at > self._longest:
                dropped += look - self._at
                self._at = look
            look -= self._at
            if not self._more():
                raise StreamError("truncated", "the file ends inside of an element")
        element = self._held[self._at : look]
        self._at = look
        return element if dropped + len(element) <= self._longest else None

    def _more(self) -> bool:
        """Hold more, and no longer what was given."""
        portion = self._stream.read(READ_BYTES)
        self._base += self._at
        self._held = self._held[self._at :] + portion
        self._at = 0
        return bool(portion)
