"""Records of web archives from decompressed bytes: headers, bodies, and what to do when they contradict each other.

A record says how long it is. Crawlers get that wrong, disks cut files, and something else lies between records: then the next
line that begins a record is looked for, and the one record that went wrong is counted as an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from curator.documents import Tally
from curator.sources.packing import END_BYTES
from curator.sources.warc_framing import ARC, BLANK, FRAMINGS, HEADER_BYTES, WARC, Framing, Record, as_http
from curator.sources.warc_portions import Portion, Portions

# Wrong lengths above what is held, in one file, that are sought; a file full of them must not be read for each.
MOST_UNDONE = 100

# Zeros where a record was. Fewer are the end of a body that is longer than its record says.
LEAST_ERASED_BYTES = 32

# Bytes behind the end of a body that may have been a record: a header with a type, a length and an address has more.
LEAST_SWALLOWED_BYTES = 100


def records(portions: Portions, tally: Tally, hold: int) -> Iterator[Record]:
    """Every record that can be read. All that are met are counted in the tally, and errors; documents and skips are left to
    the caller. Of a body longer than `hold` bytes only the beginning is kept."""
    return _Reader(portions, tally, hold).read()


class _Reader:
    """`data` holds decompressed bytes from `base` on, up to now read until `at`, of one *run*: a plain file, or a compressed
    member and those behind it that do not begin with a record (some tools compress in blocks)."""

    def __init__(self, portions: Portions, tally: Tally, hold: int) -> None:
        self.portions = portions
        self.tally = tally
        self.hold = hold
        self.data = b""
        self.at = 0
        self.base = 0
        self.run = 0
        self.member = 0  # where the compressed member begins that the last bytes of `data` come from
        self.ahead: Portion | None = None
        self.ended = False
        self.met = 0
        self.met_in_run = 0
        self.several_at_once = False  # the first run holds several records: offsets are those of decompressed bytes
        self.framing: Framing = WARC
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
        if ahead is None or ahead.damage:
            return False
        return not (ahead.first and self.framing.starts(ahead.data, _blank_end(ahead.data, 0)))

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
            self.framing = _framing(ahead.data, self.framing)
            return True
        return False

    def _find_start(self) -> bool:
        """Go to the next record of this run; False if there is none."""
        zeros, zeros_at = 0, -1
        while True:
            begin, self.at = self.at, _blank_end(self.data, self.at)
            if found := self.data.count(0, begin, self.at):
                zeros_at = zeros_at if zeros else self.base + self.data.find(0, begin)
                zeros += found
            if self.at < len(self.data):
                erased = zeros >= LEAST_ERASED_BYTES  # at the end of the file they would be padding
                garbage_at = zeros_at if erased else self.base + self.at
                self._fill(self.framing.longest_start if self.framing is ARC else 5)
                follows = self.framing.follows(self.data, self.at)
                if erased or not follows:
                    self._count_garbage(self.run or garbage_at)
                return follows or self._scan()
            if not self._fill(1):
                if zeros > END_BYTES:
                    self._count_garbage(self.run or zeros_at)
                return False

    def _scan(self) -> bool:
        """Look for a line that begins a record, over bytes that are none."""
        begin = self.at
        while (found := self.framing.search(self.data, begin)) < 0:
            keep = max(begin, len(self.data) - self.framing.longest_start)
            self.at = max(self.at, keep - 1)  # the byte before says whether a line begins
            begin = keep - self.at
            if not self._fill(len(self.data) - self.at + 1):
                self.at = len(self.data)
                return False
            begin += self.at
        self.at = found
        return True

    # ------------------------------------------------------------------------------------------------------- records

    def _record(self) -> Record | None:
        """The record that begins at `at`, or None if it had to be counted as an error."""
        self.tally.record()
        self.met += 1
        self.met_in_run += 1
        offset, part = self._address(self.base + self.at)
        header = self._header()
        if header is None:
            return self._fail("header", offset, "the header of the record has no end", resume=self.at + 5)
        end, begin = header
        record = self.framing.record(offset, part, self.data[self.at : end])
        self.at = begin
        if record.length < 0:
            return self._fail("content_length", offset, "the record does not say how long it is", resume=self.at)
        record.cut = record.length > self.hold
        if not (self._take_large(record) if record.cut else self._take(record)):
            return None
        if self._at_end_of_run() and (damage := self._damage_here()) is not None and damage.damage == "corrupt":
            self.tally.error("corrupt", offset, damage.message)  # its checksum says that something in it is wrong
            return None
        if self.framing is ARC:
            as_http(record)
        return record

    def _address(self, begin: int) -> tuple[int, str | None]:
        """(offset, part) of a record: unique in the file, and the same however the file is read."""
        if self.run == 0:
            self.several_at_once |= self.met_in_run > 1
            return begin, None
        if self.met_in_run == 1 and not self.several_at_once:
            return self.run, None
        return begin, str(self.run)

    def _header(self) -> tuple[int, int] | None:
        while (found := self.framing.header(self.data, self.at)) is None:
            have = len(self.data) - self.at
            if have >= HEADER_BYTES or not self._fill(have + 1):
                return None
        return found if found[0] >= 0 else None

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
        line that begins a record, or with the compressed member."""
        end = self.at + record.length
        if self.framing.separator.match(self.data, end):  # nearly always
            self._give(record, end)
            return True
        whole = self._fill(record.length + self.framing.ahead) or len(self.data) - self.at >= record.length
        end = self.at + record.length
        if whole and self._ends_at(end):
            if self.data.startswith(bytes(LEAST_ERASED_BYTES), end):  # and so perhaps what follows, up to the file's end
                self._count_garbage(self.run or self.base + end)
            self._give(record, end)
            return True
        while (found := self.framing.search(self.data, self.at)) < 0:
            have = len(self.data) - self.at
            if have > self.hold or not self._fill(have + 1):
                break
        if found < 0 and (len(self.data) - self.at > self.hold or self._cut_off(whole)):
            self._fail("content_length", record.offset, "the record is not as long as it says", resume=self.at)
            return False
        end = found if found >= 0 else len(self.data)
        self._watch(self.at, end, record.length)
        self._give(record, end)
        ends = (b"\n",) if self.framing is ARC else (b"\r\n\r\n", b"\n\n")
        record.end -= next((len(blank) for blank in ends if self.data.endswith(blank, record.begin, end)), 0)
        record.mended = True
        return True

    def _watch(self, begin: int, end: int, said: int) -> None:
        """A body that goes on behind its end with zeros, or with more than a header has, may have swallowed a record."""
        erased = self.data.find(bytes(LEAST_ERASED_BYTES), begin, end)
        if erased < 0 and end - begin - said > LEAST_SWALLOWED_BYTES:
            erased = begin + said
        if erased >= 0:
            self._count_garbage(self.run or self.base + erased)

    def _give(self, record: Record, end: int) -> None:
        record.data, record.begin, record.end = self.data, self.at, end
        self.at = end

    def _cut_off(self, whole: bool) -> bool:
        """At the end of a run: whether damage ended it, or a plain file ends before all of the record came. A member that
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
        record.data, record.begin, record.end = self.data, self.at, min(self.at + self.hold, len(self.data))
        if self.portions.seekable:
            self._jump(after)
        elif not self._pass(record.length):
            self._fail("content_length", record.offset, "the record is not as long as it says", resume=self.at)
            return False
        self._fill(self.framing.ahead)
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
        if self.framing.separator.match(self.data, end):
            return True
        return self.framing.may_follow(self.data, _blank_end(self.data, end))

    def _at_end_of_run(self) -> bool:
        return _blank_end(self.data, self.at) == len(self.data) and not self._continues()

    # ------------------------------------------------------------------------------------------------------- damage

    def _damage_here(self) -> Portion | None:
        """The damage that ended the member whose bytes were read last."""
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
        elif portion.damage == "zeros":  # of one record, or of many
            self._count_garbage(portion.offset)
        self.met_in_run = 0

    def _count_garbage(self, offset: int) -> None:
        if not self.garbage:
            self.garbage_at = offset
        self.garbage += 1

    def _report_garbage(self) -> None:
        if self.met and self.garbage:
            places = "one place" if self.garbage == 1 else f"{self.garbage} places"
            self.tally.broken("garbage", self.garbage_at, f"something else than records at {places}")


def _framing(data: bytes, usual: Framing) -> Framing:
    """Which of the formats a run is in, by its beginning, or else by the record that begins first in it."""
    if data.startswith(b"WARC/"):
        return WARC
    at = _blank_end(data, 0)
    for framing in FRAMINGS:
        if framing.starts(data, at):
            return framing
    found = {place: framing for framing in reversed(FRAMINGS) if (place := framing.search(data, at)) >= 0}
    return found[min(found)] if found else usual


def _blank_end(data: bytes, at: int) -> int:
    if at >= len(data) or data[at] > 32:
        return at
    blank = BLANK.match(data, at)
    return blank.end() if blank else at
