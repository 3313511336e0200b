"""`unframe`: the text of a page out of the menus and lists around it, where no markup is left to tell them apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

# In characters: a sentence speaks for a line by its length, an item of a menu against it.
ITEM = 20
MOST_ITEMS = 4  # of a line that count: one bar of links breaks no article in two
SHORT = 20  # a line with a clause has to be longer, to speak for itself
LONG = 400  # and speaks no louder than so

_BULLET = re.compile(r"\s*[•·*-]\s+")
_PARTS = re.compile(r"[^\s|｜·•>»／/_–—<«\[\]【】-]+")
_CLAUSE = re.compile(r"[，。！？；…،؛؟۔।॥]|[,;!?](?=\s|\Z)|(?<=[^\W_A-Z])\.(?=\s|\Z)")
_SENTENCE_END = re.compile(r"[.。!！?？…؟۔।॥][”’\"'」』）)\]】]*\s*\Z")


@dataclass(frozen=True, kw_only=True)
class Unframe:
    """Keep the passages of running text and cut the menus, lists of links and footers before, between and behind them.

    For texts that hold all a page shows (WET, warc2text); `extract` does this better where there is markup. A line with a comma
    or the end of a sentence counts for its characters, any other against what it stands in, more for each item in it; the
    passages of greatest sum are found as by Pasternack and Roth (WWW 2009), all of them (Ruzzo and Tompa, ISMB 1999), and
    those stay that have at least `share` of the best one's sum. Verse and dialogue stay, lists go; a text without such lines
    stays as it is. Filters tell junk by its frame: put this stage behind them, and a rule on `chars` behind this.
    """

    share: float = 0.25

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    writes: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.string()}

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share: {self.share} is not above 0 and at most 1")

    def files(self) -> Sequence[str]:
        return ()

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        texts = docs.column("text").to_pylist()
        return {"text": pa.array([t and unframed(t, self.share) for t in texts], pa.string())}


def unframed(text: str, share: float) -> str:
    """The passages of `text` whose sum is at least `share` of the greatest one."""
    lines = text.split("\n")
    found = list(passages([worth(line) for line in lines]))
    if not found:
        return text
    least = share * max(total for total, _, _ in found)
    return "\n".join("\n".join(lines[first:behind]) for total, first, behind in found if total >= least)


def worth(line: str) -> int:
    """What a line says for running text: its characters if it has a clause, its items against it if not."""
    if bullet := _BULLET.match(line):
        line = line[bullet.end() :]
    if _CLAUSE.search(line) is None:
        return -ITEM * min(sum(1 for _ in _PARTS.finditer(line)), MOST_ITEMS)
    weight = min(len(line.strip()), LONG) - SHORT
    return max(weight, 1) if _SENTENCE_END.search(line) else weight


def passages(worths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """All maximal subsequences, in order: their sum, where they begin, and behind what they end. In linear time.

    One is on the stack with the sums of all that stands before it and up to its end, where it begins and ends, and the nearest
    one on the stack with a smaller sum before it.
    """
    stack: list[tuple[int, int, int, int, int]] = []
    total = 0
    for at, value in enumerate(worths):
        before, total = total, total + value
        if value <= 0:
            continue
        first, nearest = at, len(stack) - 1
        while True:
            while nearest >= 0 and stack[nearest][0] >= before:
                nearest = stack[nearest][4]
            if nearest < 0 or stack[nearest][1] >= total:
                break
            before, _, first, _, link = stack[nearest]
            del stack[nearest:]
            nearest = link
        stack.append((before, total, first, at + 1, nearest))
    for before, upto, first, behind, _ in stack:
        yield upto - before, first, behind
