"""KenLM's binary format, version 5, "probing hash tables": what `build_binary` writes by default and `kenlm.Model` maps.

A header; the vocabulary as a hash table from MurmurHash64A to number; unigrams by number; a hash table for each higher order,
keyed by the chained hash of the words from last to first; the words themselves. Layout: `lm/binary_format.cc`, `lm/vocab.cc`
and `lm/search_hashed.cc` of kpu/kenlm. An entry is a probability, whose sign is set unless a longer n-gram ends with it, and a
backoff, which is -0.0 where nothing follows. All lies on multiples of four bytes, so it is read as one array of 32-bit words.

A file is checked when it is opened: header, sizes, the range of every word number. What its tables hold cannot lead a reader
out of them, since each place is a hash modulo the table's own size.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np

from curator.lm.arpa import words_of
from curator.lm.counting import END, ORDERS, SPECIALS, START
from curator.lm.errors import LanguageModelError
from curator.lm.hashing import chained, murmur
from curator.lm.kneser_ney import Estimate

MULTIPLIER = np.float32(1.5)  # buckets for an entry

_MAGIC = b"mmap lm http://kheafield.com/code format version 5\n\0"
_FAMILY = b"mmap lm http://kheafield.com/code"
_SANITY = _MAGIC.ljust(56, b"\0") + struct.pack("<3f3IQ", 0.0, 1.0, -0.5, 1, 0xFFFFFFFF, 0, 1)
_FIXED = struct.Struct("<B3xfI?3xI")  # order, multiplier, kind, whether the words are there, version of the search
_KINDS = ("probing", "probing with rest costs", "trie", "quantised trie", "array trie", "quantised array trie")
_WORD, _MIDDLE, _LONGEST = 3, 4, 3  # 32-bit words of an entry of the vocabulary, of middle orders, of the highest
_NO_EXTENSION = np.float32(-0.0)
_ROWS = 1 << 20  # that are written at a time


@dataclass(frozen=True)
class Layout:
    """Where the parts of a file lie, in 32-bit words from its start."""

    counts: tuple[int, ...]
    multiplier: np.float32

    @property
    def order(self) -> int:
        return len(self.counts)

    @property
    def header(self) -> int:
        return -(-(len(_SANITY) + _FIXED.size + 8 * self.order) // 8) * 2

    def buckets(self, entries: int) -> int:
        return max(entries + 1, int(np.float32(self.multiplier * np.float32(entries))))

    @property
    def vocabulary(self) -> tuple[int, int]:
        """Where the hash table of words begins, and its buckets; its own header of two numbers is before it."""
        return self.header + 2, self.buckets(self.counts[0])

    @property
    def unigrams(self) -> int:
        start, buckets = self.vocabulary
        return start + buckets * _WORD

    @property
    def tables(self) -> list[tuple[int, int, int]]:
        """Start, buckets and words of an entry of each order from the bigrams up."""
        found = []
        at = self.unigrams + 2 * (self.counts[0] + 1)
        for n, entries in enumerate(self.counts[1:], 2):
            width = _MIDDLE if n < self.order else _LONGEST
            found.append((at, self.buckets(entries), width))
            at += self.buckets(entries) * width
        return found

    @property
    def end(self) -> int:
        start, buckets, width = self.tables[-1]
        return start + buckets * width


# ------------------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class Model:
    """An open model: its file as 32-bit words and, the same memory, as floats."""

    layout: Layout
    words: np.ndarray
    floats: np.ndarray
    bound: int  # word numbers are below it
    places: np.ndarray  # start and buckets of the vocabulary, start of unigrams, then start and buckets of each order


def open_binary(path: Path) -> Model:
    """Map a model. Raises LanguageModelError, with its name, for a file that is none, is cut off or does not hold together."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(512)
            layout = _layout(head, size, path)
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise LanguageModelError(f"{path}: {error.strerror or error}") from None
    if mapped[layout.end * 4 : layout.end * 4 + 6] != b"<unk>\0":
        raise LanguageModelError(f"{path}: its words are not where its header puts them: damaged")
    words = np.frombuffer(mapped, np.uint32, layout.end)
    start, buckets = layout.vocabulary
    version, bound = int(words[start - 2]), int(words[start - 1])
    numbers = words[start : start + buckets * _WORD].reshape(buckets, _WORD)[:, 2]
    if version != 0 or not END < bound <= layout.counts[0] + 1 or int(numbers.max()) >= bound:
        raise LanguageModelError(f"{path}: a vocabulary with numbers beyond its {layout.counts[0]} words: damaged")
    places = [start, buckets, layout.unigrams]
    for table_start, table_buckets, _ in layout.tables:
        places += [table_start, table_buckets]
    return Model(layout, words, words.view(np.float32), bound, np.array(places, np.int64))


def _layout(head: bytes, size: int, path: Path) -> Layout:
    if not head.startswith(_FAMILY):
        raise LanguageModelError(f"{path}: not a KenLM binary (its first bytes are {head[:12]!r})")
    if not head.startswith(_SANITY):
        raise LanguageModelError(f"{path}: a KenLM binary of another version, or one whose making did not end")
    if len(head) < len(_SANITY) + _FIXED.size:
        raise LanguageModelError(f"{path}: a KenLM binary that ends early, after {size} bytes")
    order, multiplier, kind, has_words, version = _FIXED.unpack_from(head, len(_SANITY))
    if kind != 0:
        name = _KINDS[kind] if kind < len(_KINDS) else f"kind {kind}"
        raise LanguageModelError(f"{path}: a KenLM {name}; make it with `build_binary probing`, the default")
    if order not in ORDERS or version != 0 or not has_words or not 1.0 < multiplier < 100:
        raise LanguageModelError(f"{path}: a KenLM binary of order {order}, version {version}: not one that can be read")
    if len(head) < len(_SANITY) + _FIXED.size + 8 * order:
        raise LanguageModelError(f"{path}: a KenLM binary that ends early, after {size} bytes")
    counts = struct.unpack_from(f"<{order}Q", head, len(_SANITY) + _FIXED.size)
    if sum(counts) > size or counts[0] <= START or counts[0] >= 1 << 32:
        raise LanguageModelError(f"{path}: {sum(counts)} n-grams do not fit a file of {size} bytes: truncated or damaged")
    layout = Layout(counts, np.float32(multiplier))
    if layout.end * 4 + 6 > size:
        raise LanguageModelError(f"{path}: {size} bytes where the header asks for {layout.end * 4}: truncated or damaged")
    return layout


# ------------------------------------------------------------------------------------------------------------- writing


def write_binary(model: Estimate, path: Path) -> None:
    """Write a model as `build_binary` would from its ARPA file: byte by byte the same."""
    layout = Layout(tuple(model.sizes), MULTIPLIER)
    with path.open("wb") as stream:
        stream.truncate(layout.end * 4)
    data = np.memmap(path, np.uint32, "r+")
    header = _SANITY + _FIXED.pack(layout.order, MULTIPLIER, 0, True, 0) + struct.pack(f"<{layout.order}Q", *layout.counts)
    data[: layout.header] = np.frombuffer(header.ljust(layout.header * 4, b"\0"), np.uint32)
    _write_vocabulary(data, layout, model.words)
    _write_grams(data, layout, model)
    data.flush()
    with path.open("ab") as stream:
        stream.write("".join(f"{word}\0" for word in model.words).encode())


def _write_vocabulary(data: np.ndarray, layout: Layout, words: list[str]) -> None:
    start, buckets = layout.vocabulary
    data[start - 1] = len(words)
    spoken = [word.encode() for word in words[1:]]
    ends = np.cumsum([0, *map(len, spoken)])
    hashes = _hashes(np.frombuffer(b"".join(spoken), np.uint8), ends)
    _insert(
        np.asarray(data[start : layout.unigrams]), buckets, _WORD, hashes, np.arange(1, len(words), dtype=np.uint32)[:, None]
    )


@numba.njit(cache=True, nogil=True)
def _hashes(data, ends):
    found = np.empty(len(ends) - 1, np.uint64)
    for i in range(len(found)):
        found[i] = murmur(data, ends[i], ends[i + 1])
    return found


@numba.njit(cache=True, nogil=True)
def _insert(table, buckets, width, keys, values):
    """Put entries into a hash table, in order: a key of two words, then the value."""
    for i in range(len(keys)):
        slot = np.int64(keys[i] % np.uint64(buckets))
        while table[slot * width] != 0 or table[slot * width + 1] != 0:
            slot = slot + 1 if slot + 1 < buckets else 0
        table[slot * width] = keys[i] & np.uint64(0xFFFFFFFF)
        table[slot * width + 1] = keys[i] >> np.uint64(32)
        for k in range(values.shape[1]):
            table[slot * width + 2 + k] = values[i, k]


def _write_grams(data: np.ndarray, layout: Layout, model: Estimate) -> None:
    packing = model.packing
    for n, grams in enumerate(model.orders, 1):
        ends_longer = np.zeros(len(grams.kept), np.bool_)
        begins_longer = np.zeros(len(grams.kept), np.bool_)
        if n < packing.order:
            above = model.orders[n]
            _mark(above.kept, above.suffix, ends_longer)
            _mark(above.kept, above.context, begins_longer)
        for first in range(0, len(grams.kept), _ROWS):
            rows = np.flatnonzero(grams.kept[first : first + _ROWS]) + first
            probability = np.copysign(grams.probability[rows], np.where(ends_longer[rows], 1.0, -1.0)).astype(np.float32)
            zero = np.where(begins_longer[rows], np.float32(0.0), _NO_EXTENSION)
            backoff = np.where(grams.backoff[rows] == 0, zero, grams.backoff[rows])
            if n == 1:
                probability[rows == START] = 0.0
                table = np.asarray(data[layout.unigrams :][: 2 * len(grams.kept)]).reshape(-1, 2)
                table[rows, 0] = probability.view(np.uint32)
                table[rows, 1] = backoff.view(np.uint32)
                continue
            start, buckets, width = layout.tables[n - 2]
            values = np.stack([probability, backoff][: width - 2], axis=1).view(np.uint32)
            keys = _keys(words_of(grams, rows, n, packing.bits))
            _insert(np.asarray(data[start : start + buckets * width]), buckets, width, keys, values)


@numba.njit(cache=True, nogil=True)
def _mark(kept, places, marked):
    for i in range(len(kept)):
        if kept[i]:
            marked[places[i]] = True


@numba.njit(cache=True, nogil=True)
def _keys(numbers):
    found = np.empty(len(numbers), np.uint64)
    last = numbers.shape[1] - 1
    for i in range(len(numbers)):
        key = np.uint64(numbers[i, last])
        for k in range(last - 1, -1, -1):
            key = chained(key, numbers[i, k])
        found[i] = key
    return found


def words_of_file(path: Path, layout: Layout) -> list[str]:
    """The words of a model, by number."""
    with path.open("rb") as stream:
        stream.seek(layout.end * 4)
        return stream.read().decode().split("\0")[: layout.counts[0]] or list(SPECIALS)
