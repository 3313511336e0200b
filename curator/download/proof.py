"""Is a file whole? Digests, and for gzip every member's checksum, taken while the bytes pass."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

FEED = 1 << 15  # a file of tiny members copies at most this much for each of them
EXPANDED = 1 << 20


class Proof:
    """Fed with a file's bytes from the first to the last, it knows their digests and what is wrong with them."""

    def __init__(self, *, gzip: bool, sha1: str | None) -> None:
        self.size = 0
        self._wanted = sha1
        self._sha1 = hashlib.sha1(usedforsecurity=False) if sha1 else None
        self._sha256 = hashlib.sha256()
        self._members = GzipMembers() if gzip else None

    def update(self, data: bytes) -> None:
        self.size += len(data)
        self._sha256.update(data)
        if self._sha1:
            self._sha1.update(data)
        if self._members:
            self._members.update(data)

    def read(self, path: Path) -> None:
        """Take in what is on disk already."""
        with path.open("rb") as stream:
            while data := stream.read(1 << 20):
                self.update(data)

    @property
    def broken(self) -> str | None:
        """What is wrong already, whatever may come."""
        return self._members.error if self._members else None

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, now that all of it was seen."""
        if self._sha1 and self._sha1.hexdigest() != self._wanted:
            return f"its sha1 is {self._sha1.hexdigest()}, and {self._wanted} was published"
        if self._members:
            return self._members.error or (None if self._members.ended else "the gzip data ends in the middle of a member")
        return None

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def sha1(self) -> str | None:
        return self._sha1.hexdigest() if self._sha1 else None


class GzipMembers:
    """`gzip -t` for bytes that arrive in pieces: inflates every member, checks its CRC and length, keeps nothing."""

    def __init__(self) -> None:
        self.error: str | None = None
        self.members = 0
        self._member: zlib._Decompress | None = None

    @property
    def ended(self) -> bool:
        """The last member is whole, and there was one."""
        return self.members > 0 and self._member is None

    def update(self, data: bytes) -> None:
        for start in range(0, len(data), FEED):
            if self.error is None:
                self._inflate(data[start : start + FEED])

    def _inflate(self, data: bytes) -> None:
        try:
            while data:
                if self._member is None:
                    self._member = zlib.decompressobj(wbits=31)
                self._member.decompress(data, EXPANDED)
                data = self._member.unconsumed_tail
                if self._member.eof:
                    data = self._member.unused_data
                    self._member = None
                    self.members += 1
        except zlib.error as error:
            self.error = f"the gzip data is damaged in member {self.members + 1}: {error}"
