"""Finding the next member of a damaged compressed file at which reading can go on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import IO

from curator.sources.packing import FAILURES, Packing, blame

SCAN_BYTES = 1 << 20
START_BYTES = 4096  # decompressed bytes that show what is in a member
MOST_REREAD_BYTES = 64 << 20  # what damaged members may hold again in all: members inside members must not take quadratic time
TRIAL_BYTES = 4096  # compressed bytes of a gzip member that show how it begins
MOST_TRIED_BYTES = 256 << 20
MOST_VAIN = 100_000  # candidates of a file that hold nothing: chance makes ten in a gigabyte
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")  # neither JSON nor XML has them; what is inflated from chance bytes does


def holds_text(given: bytes) -> bool:
    """Whether a member that begins so is one to go on with, where JSON or XML is read."""
    return bool(given) and not _NO_TEXT.search(given)


class Search:
    """Looks for members that hold what is sought, as `holds` tells from their first START_BYTES. Bytes that look like the
    beginning of a member occur by chance and in pages that were stored compressed, so each candidate is opened: gzip shows at
    once what is in it, other formats give whole blocks, for which MOST_TRIED_BYTES may be read in all. After MOST_VAIN that
    hold nothing the file is hostile, and no more are found."""

    def __init__(self, raw: IO[bytes], kind: Packing, holds: Callable[[bytes], bool]) -> None:
        self._raw = raw
        self._kind = kind
        self._holds = holds
        self._tried = 0
        self._vain = 0

    def next(self, offset: int) -> int:
        """Where the next one begins, from `offset` on; -1 if there is none."""
        self._raw.seek(offset)
        data = self._raw.read(SCAN_BYTES)
        while data:
            ahead = self._raw.read(SCAN_BYTES)
            both = memoryview(data + ahead)
            for candidate in self._kind.mark.finditer(both, 0, len(data) + 9):
                if candidate.start() >= len(data) or self._vain >= MOST_VAIN:
                    break
                if self._holds(self._beginning(both[candidate.start() :])):
                    return offset + candidate.start()
                self._vain += 1
            if self._vain >= MOST_VAIN:
                return -1
            offset += len(data)
            data = ahead
        return -1

    def _beginning(self, member: memoryview) -> bytes:
        """What a candidate gives first, up to where it proves to be none."""
        state = self._kind.begin()
        given = b""
        at = 0
        try:
            while not state.eof and len(given) < START_BYTES:
                if state.needs_input:
                    if (at and (given or self._tried > MOST_TRIED_BYTES)) or at >= len(member):
                        break
                    given += state.decompress(member[at : at + TRIAL_BYTES], START_BYTES)
                    self._tried += at and TRIAL_BYTES
                    at += TRIAL_BYTES
                else:
                    given += state.decompress(b"", START_BYTES)
        except FAILURES as failure:
            blame(failure)
        return given
