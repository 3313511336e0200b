"""WARC records from decompressed bytes: headers, bodies, and what to do when they contradict each other.

A record says how long it is. Crawlers get that wrong, disks cut files, and something else lies between records: then the next
line that begins a record is looked for, and the one record that went wrong is counted as an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from curator.documents import Tally
from curator.sources.warc_portions import RECORD_START, Portion, Portions

HEADER_BYTES = 256 << 10  # a longer header is none
START_BYTES = 16  # no start is longer, but for white space
NAMES = (b"WARC/", b"warc/")
HEADER_END = re.compile(rb"\r?\n\r?\n")
HEADER_STOP = re.compile(rb"\r?\n(?:(\r?\n)|(?=(?:WARC|warc)/[01]\.\d))")  # or the next record, where a header has no end
BLANK = re.compile(rb"[\r\n \t\0]*")
MOST_UNDONE = (
    100  # wrong lengths above what is held, in one file, that are sought; a file full of them must not be read for each
)
AHEAD = 64  # what is looked at behind a record to see that it ends where it says


@dataclass(slots=True)
class Record:
    offset: int
    part: str | None  # the gzip member, for a record inside one that holds several
    headers: dict[str, str]  # lower-case names; the first of two equal ones
    body: bytes
    length: int  # as the record says
    cut: bool  # longer than what is held: `body` is its beginning
    mended: bool  # its length was wrong, the body ends where the next record begins


def records(portions: Portions, tally: Tally, hold: int) -> Iterator[Record]:
    """Every record that can be read. All that are met are counted in the tally, and errors; documents and skips are left to
    the caller. Of a body longer than `hold` bytes only the beginning is kept."""
    return _Reader(portions, tally, hold).read()


def parse_headers(lines: bytes) -> dict[str, str]:
    """Names and values of a header block, after its first line; folded lines are joined."""
    headers: dict[str, str] = {}
    name = ""
    for line in lines.decode("utf-8", "replace").split("\n")[1:]:
        if line[:1] in (" ", "\t") and name:
            headers[name] += " " + line.strip()
            continue
        key, colon, value = line.partition(":")
        key = key.strip().lower()
        name = key if colon and key not in headers else ""
        if name:
            headers[name] = value.strip()
    return headers


class _Reader:
    """`data` holds decompressed bytes from `base` on, up to now read until `at`, of one *run*: a plain file, or a gzip member
    and those behind it that do not begin with a record (some tools compress in blocks)."""

    def __init__(self, portions: Portions, tally: Tally, hold: int) -> None:
        self.portions = portions
        self.tally = tally
        self.hold = hold
        self.data = b""
        self.at = 0
        self.base = 0
        self.run = 0
        self.member = 0  # where the gzip member begins that the last bytes of `data` come from
        self.ahead: Portion | None = None
        self.ended = False
        self.met = 0
        self.met_in_run = 0
        self.several_at_once = False  # the first run holds several records: offsets are those of decompressed bytes
        self.undone = 0
        self.garbage = 0
        self.garbage_at = -1

    def read(self) -> Iterator[Record]:
        while self._open_run():
            while self._find_start():
                record = self._record()
                if record is not None:
                    yield record
        self._report_garbage()

    # -------------------------------------------------------------------------------------------------------- bytes

    def _peek(self) -> Portion | None:
        if self.ahead is None and not self.ended:
            self.ahead = next(self.portions, None)
            self.ended = self.ahead is None
        return self.ahead

    def _continues(self) -> bool:
        """Whether the next portion belongs to this run."""
        ahead = self._peek()
        return ahead is not None and not ahead.damage and not (ahead.first and ahead.data[:64].lstrip().startswith(NAMES))

    def _fill(self, wanted: int) -> bool:
        """Have `wanted` bytes from `at` on; False if the run ends before."""
        have = len(self.data) - self.at
        if have >= wanted or not self._continues():
            return have >= wanted
        parts = [self.data[self.at :]]
        while have < wanted and self._continues():
            assert self.ahead is not None
            parts.append(self.ahead.data)
            have += len(self.ahead.data)
            self.member = self.ahead.offset
            self.ahead = None
        self.data = b"".join(parts)
        self.base += self.at
        self.at = 0
        return have >= wanted

    def _open_run(self) -> bool:
        """Go to the next run, past damaged places; False at the end of the file."""
        while (ahead := self._peek()) is not None:
            self.ahead = None
            if ahead.damage:
                self._damage(ahead)
                continue
            self.data, self.at, self.base = ahead.data, 0, 0
            self.run = self.member = ahead.offset
            self.met_in_run = 0
            return True
        return False

    def _find_start(self) -> bool:
        """Go to the next record of this run; False if there is none."""
        while True:
            self.at = _blank_end(self.data, self.at)
            if self.at < len(self.data):
                self._fill(5)
                if self.data.startswith(NAMES, self.at):
                    return True
                self._count_garbage(self.run or self.base + self.at)
                return self._scan()
            if not self._fill(1):
                return False

    def _scan(self) -> bool:
        """Look for a line that begins a record, over bytes that are none."""
        while (found := RECORD_START.search(self.data, self.at)) is None:
            self.at = max(self.at, len(self.data) - START_BYTES)
            if not self._fill(len(self.data) - self.at + 1):
                self.at = len(self.data)
                return False
        self.at = found.start()
        return True

    # ------------------------------------------------------------------------------------------------------- records

    def _record(self) -> Record | None:
        """The record that begins at `at`, or None if it had to be counted as an error."""
        self.tally.record()
        self.met += 1
        self.met_in_run += 1
        offset, part = self._address(self.base + self.at)
        end = self._header_end()
        if end is None:
            return self._fail("header", offset, "the header of the record has no end", resume=self.at + 5)
        headers = parse_headers(self.data[self.at : end.start()])
        self.at = end.end()
        length = _length(headers.get("content-length", ""))
        if length < 0:
            return self._fail("content_length", offset, "the record does not say how long it is", resume=self.at)
        record = Record(offset, part, headers, b"", length, cut=length > self.hold, mended=False)
        if not (self._take_large(record) if record.cut else self._take(record)):
            return None
        if self._at_end_of_run() and (damage := self._damage_here()) is not None and damage.damage == "corrupt":
            self.tally.error("corrupt", offset, damage.message)  # its checksum says that something in it is wrong
            return None
        return record

    def _address(self, begin: int) -> tuple[int, str | None]:
        """(offset, part) of a record: unique in the file, and the same however the file is read."""
        if self.run == 0:
            self.several_at_once |= self.met_in_run > 1
            return begin, None
        if self.met_in_run == 1 and not self.several_at_once:
            return self.run, None
        return begin, str(self.run)

    def _header_end(self) -> re.Match[bytes] | None:
        while (stop := HEADER_STOP.search(self.data, self.at, self.at + HEADER_BYTES)) is None:
            have = len(self.data) - self.at
            if have >= HEADER_BYTES or not self._fill(have + 1):
                return None
        return stop if stop[1] else None

    def _fail(self, kind: str, offset: int, message: str, resume: int) -> None:
        """Count the record as an error and go to the next one, from `resume` on. At the end of a run the damage behind it, or
        the end of the file, is the reason."""
        self.at = min(resume, len(self.data))
        if not self._scan():
            damage = self._damage_here()
            if damage is not None:
                kind, message = damage.damage, damage.message
            elif self.ahead is None and self.portions.seekable:
                kind, message = "truncated", "the file ends in the middle of a record"
                self.tally.broken(kind, offset, message)
        self.tally.error(kind, offset, message)

    def _take(self, record: Record) -> bool:
        """The body of a record of ordinary size. Where it does not end as the record says, it is taken to end before the next
        line that begins a record, or with the gzip member."""
        whole = self._fill(record.length + AHEAD) or len(self.data) - self.at >= record.length
        if whole and self._ends_at(self.at + record.length):
            record.body = self.data[self.at : self.at + record.length]
            self.at += record.length
            return True
        while (found := RECORD_START.search(self.data, self.at)) is None:
            have = len(self.data) - self.at
            if have > self.hold or not self._fill(have + 1):
                break
        if found is None and (len(self.data) - self.at > self.hold or self._cut_off(whole)):
            self._fail("content_length", record.offset, "the record is not as long as it says", resume=self.at)
            return False
        end = found.start() if found else len(self.data)
        body = self.data[self.at : end]
        record.body = body.removesuffix(b"\r\n\r\n") if body.endswith(b"\r\n\r\n") else body.removesuffix(b"\n\n")
        record.mended = True
        self.at = end
        return True

    def _cut_off(self, whole: bool) -> bool:
        """At the end of a run: whether damage ended it, or a plain file ends before all of the record came. A gzip member that
        ends by itself, its checksum right, is not cut off."""
        if self._peek() is None:
            return self.portions.seekable and not whole
        return self._damage_here() is not None

    def _take_large(self, record: Record) -> bool:
        """The beginning of a body that is larger than what is held, and past the rest of it. Plain files are not read there but
        sought, so that a wrong length can be undone."""
        begin = self.base + self.at
        after = begin + record.length
        if self.portions.seekable and (after > self.portions.size or self.undone >= MOST_UNDONE):
            self._fail("content_length", record.offset, "the record is not as long as it says", resume=self.at)
            return False
        self._fill(self.hold)
        record.body = self.data[self.at : self.at + self.hold]
        if self.portions.seekable:
            self._jump(after)
        elif not self._pass(record.length):
            self._fail("content_length", record.offset, "the record is not as long as it says", resume=self.at)
            return False
        self._fill(AHEAD)
        if self._ends_at(self.at):
            return True
        if self.portions.seekable:
            self._jump(begin)
            self.undone += 1
        self._fail("content_length", record.offset, "the record is not as long as it says", resume=self.at)
        return False

    def _pass(self, left: int) -> bool:
        while left:
            passed = min(left, len(self.data) - self.at)
            self.at += passed
            left -= passed
            if left and not self._fill(1):
                return False
        return True

    def _jump(self, offset: int) -> None:
        self.portions.seek(offset)
        self.data, self.at, self.base, self.ahead, self.ended = b"", 0, offset, None, False

    def _ends_at(self, end: int) -> bool:
        if self.data.startswith(b"\r\n\r\n", end):
            return True
        follow = _blank_end(self.data, end)
        following = self.data[follow : follow + 5]
        return any(name.startswith(following) for name in NAMES)

    def _at_end_of_run(self) -> bool:
        return _blank_end(self.data, self.at) == len(self.data) and not self._continues()

    # ------------------------------------------------------------------------------------------------------- damage

    def _damage_here(self) -> Portion | None:
        """The damage that ended the gzip member whose bytes were read last."""
        ahead = self._peek()
        here = ahead is not None and ahead.damage != "" and ahead.offset == self.member
        return ahead if here else None

    def _damage(self, portion: Portion) -> None:
        """A damaged place between two runs. The record that it ended is counted already, if any of it could be read."""
        charged = self.met_in_run > 0 and portion.offset == self.member
        if not charged:
            self.tally.record()
            self.met += 1
            self.tally.error(portion.damage, portion.offset, portion.message)
        if not portion.goes_on:
            self.tally.broken(portion.damage, portion.offset, portion.message)
        self.met_in_run = 0

    def _count_garbage(self, offset: int) -> None:
        if not self.garbage:
            self.garbage_at = offset
        self.garbage += 1

    def _report_garbage(self) -> None:
        if self.met and self.garbage:
            places = "one place" if self.garbage == 1 else f"{self.garbage} places"
            self.tally.broken("garbage", self.garbage_at, f"something else than records at {places}")


def _length(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else -1


def _blank_end(data: bytes, at: int) -> int:
    blank = BLANK.match(data, at)
    return blank.end() if blank else at
