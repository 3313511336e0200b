"""Where texts and evaluation items say the same: a table of n-grams of the questions, and the kernel that looks texts up in it.

An n-gram that a text shares with a question is a *seed*; from it the match is followed in both directions as far as it goes.
Matches of one item that lie near each other in the text are taken together. What they cover of the item is what counts: a
quotation, a name or a stock phrase covers a part. Choices of an item are looked for near what was found of it, each as a whole,
in any order; those of short questions have seeds as well, because many a question is a stock phrase with choices of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from curator.stages.decontaminate_items import Item
from curator.stages.decontaminate_units import WORD_WEIGHT, units

SEED = 8  # units; of a question that has fewer, SHORT_SEED
SHORT_SEED = 4
LEAST_MATCH = 8 * WORD_WEIGHT  # PaLM's 8-grams: 8 words, 13 characters of Chinese
MOST_SHARED = 16  # a seed at more places of questions is of a stock phrase, and begins no match
_BASE = np.uint64(0x9E6C63D0876A9A4B)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)
_BITS = 22  # of the bitmap that most n-grams of a text end at: 512 kB
_NONE = np.int64(-1)


class Table(NamedTuple):
    """Questions and choices as units, and seeds of them in a hash table. Parts of item i are `parts[i]` (its question) to
    `parts[i + 1]`; the units of part p are `bounds[p]` to `bounds[p + 1]`."""

    hashes: np.ndarray
    weights: np.ndarray
    bounds: np.ndarray
    parts: np.ndarray
    items: np.ndarray  # int64 per part
    questions: np.ndarray  # int64 per item: weight of its question
    wholes: np.ndarray  # and of all of it
    bitmap: np.ndarray
    slots: np.ndarray  # uint64: seed, 0 for none
    firsts: np.ndarray  # int32 per slot: the seed's first posting
    lasts: np.ndarray
    of_part: np.ndarray  # int32 per posting
    places: np.ndarray  # int64 per posting: where in `hashes` the seed begins


class Found(NamedTuple):
    """What texts have of items, by row and item."""

    rows: np.ndarray
    items: np.ndarray
    covered: np.ndarray  # float32: share of the question
    longest: np.ndarray  # int32: units of the longest match
    hits: np.ndarray  # bool: the text holds the item


def build(items: Sequence[Item], ngram: int, most_shared: int = MOST_SHARED) -> Table:
    texts = [part for item in items for part in (item.question, *item.choices)]
    encoded = [text.encode("utf-8", "replace") for text in texts]
    ends = np.cumsum([0, *map(len, encoded)])
    hashes, weights, bounds = units(np.frombuffer(b"".join(encoded) or b"\0", np.uint8), ends[:-1], ends[1:])
    sizes = np.array([1 + len(item.choices) for item in items], np.int64)
    parts = np.concatenate(([0], np.cumsum(sizes)))
    item_of = np.repeat(np.arange(len(items)), sizes)
    sums = np.concatenate(([0], np.cumsum(weights.astype(np.int64))))[bounds]
    questions, wholes = sums[parts[:-1] + 1] - sums[parts[:-1]], sums[parts[1:]] - sums[parts[:-1]]
    seeds, of_part, places = _seeds_of(hashes, bounds, parts, questions < ngram * WORD_WEIGHT)
    order = np.lexsort((places, seeds))
    seeds, of_part, places = seeds[order], of_part[order], places[order]
    firsts = np.flatnonzero(np.append(True, seeds[1:] != seeds[:-1])[: len(seeds)])
    lasts = np.append(firsts[1:], len(seeds))[: len(firsts)]
    rare = lasts - firsts <= most_shared
    firsts, lasts = firsts[rare], lasts[rare]
    room = 1 << max(4, int(2 * len(firsts)).bit_length())
    slots, slot_firsts, slot_lasts = np.zeros(room, np.uint64), np.zeros(room, np.int32), np.zeros(room, np.int32)
    bitmap = np.zeros(1 << (_BITS - 6), np.uint64)
    _fill(seeds[firsts], firsts, lasts, slots, slot_firsts, slot_lasts, bitmap)
    found = bitmap, slots, slot_firsts, slot_lasts, of_part.astype(np.int32), places
    return Table(hashes, weights, bounds, parts, item_of, questions, wholes, *found)


def search(
    table: Table, data: np.ndarray, starts: np.ndarray, stops: np.ndarray, ngram: int, overlap: float, least: int = LEAST_MATCH
) -> Found:
    """Look every text up. A text holds an item if matches near each other cover `overlap` of its question, the longest of them
    `ngram` words at least; or if they, with choices that stand there whole (two at least), cover `overlap` of the whole item,
    and as much as `ngram` words. Matches that weigh less than `least` count only for parts that they cover whole."""
    found = units(data, starts, stops)
    return Found(*_search(*found, *table, ngram * WORD_WEIGHT, np.float64(overlap), least))


def tellable(table: Table, ngram: int) -> np.ndarray:
    """Which items are long enough to be told from chance."""
    return table.wholes >= ngram * WORD_WEIGHT


@njit(cache=True, nogil=True)
def _hashed(roll, length):
    value = (roll ^ np.uint64(length)) * _MIX
    value = (value ^ (value >> _SHIFT)) * _BASE
    return (value ^ (value >> _SHIFT)) | np.uint64(1)


@njit(cache=True, nogil=True)
def _seeds_of(hashes, bounds, parts, short):
    """Every n-gram of every question, and of the choices of short ones: its hash, part and place."""
    seeds, of_part, places = np.empty(len(hashes), np.uint64), np.empty(len(hashes), np.int64), np.empty(len(hashes), np.int64)
    n = 0
    for item in range(len(parts) - 1):
        for part in range(parts[item], parts[item + 1] if short[item] else parts[item] + 1):
            first, last = bounds[part], bounds[part + 1]
            size = SEED if last - first >= SEED or part > parts[item] else SHORT_SEED
            for at in range(first, last - size + 1):
                roll = np.uint64(0)
                for k in range(at, at + size):
                    roll = roll * _BASE + hashes[k]
                seeds[n], of_part[n], places[n] = _hashed(roll, size), part, at
                n += 1
    return seeds[:n].copy(), of_part[:n].copy(), places[:n].copy()


@njit(cache=True, nogil=True)
def _fill(seeds, firsts, lasts, slots, slot_firsts, slot_lasts, bitmap):
    for i in range(len(seeds)):
        bit = seeds[i] >> np.uint64(64 - _BITS)
        bitmap[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))
        slot = np.int64((seeds[i] >> np.uint64(1)) & np.uint64(len(slots) - 1))
        while slots[slot]:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot], slot_firsts[slot], slot_lasts[slot] = seeds[i], firsts[i], lasts[i]


@njit(cache=True, nogil=True)
def _slot_of(seed, slots, bitmap):
    bit = seed >> np.uint64(64 - _BITS)
    if not (bitmap[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1):
        return _NONE
    slot = np.int64((seed >> np.uint64(1)) & np.uint64(len(slots) - 1))
    while slots[slot]:
        if slots[slot] == seed:
            return slot
        slot = (slot + 1) & (len(slots) - 1)
    return _NONE


@njit(cache=True, nogil=True)
def _grown(matches):
    larger = np.empty((2 * len(matches), matches.shape[1]), matches.dtype)
    larger[: len(matches)] = matches
    return larger


@njit(cache=True, nogil=True)
def _search(
    text_hashes, text_weights, text_bounds,
    hashes, weights, bounds, parts, item_of, questions, wholes, bitmap, slots, firsts, lasts, of_part, places,
    ngram, overlap, least,
):  # fmt: skip
    out_rows, out_items = np.empty(64, np.int64), np.empty(64, np.int64)
    out_covered, out_longest, out_hits = np.empty(64, np.float32), np.empty(64, np.int32), np.empty(64, np.bool_)
    n = 0
    leaving, leaving_short = np.uint64(1), np.uint64(1)
    for _ in range(SEED):
        leaving *= _BASE
    for _ in range(SHORT_SEED):
        leaving_short *= _BASE
    matches = np.empty((256, 4), np.int64)  # item, begin in the text, begin in `hashes`, units
    diagonals = np.full(len(bounds) - 1, _NONE)  # of the last match of each part: the distance of the two places …
    reached = np.zeros(len(bounds) - 1, np.int64)  # … and where the match ends, in this text or in one before
    for row in range(len(text_bounds) - 1):
        begin, end = text_bounds[row], text_bounds[row + 1]
        found = 0
        roll, roll_short = np.uint64(0), np.uint64(0)
        for i in range(begin, end):
            roll = roll * _BASE + text_hashes[i]
            roll_short = roll_short * _BASE + text_hashes[i]
            if i - begin >= SEED:
                roll -= text_hashes[i - SEED] * leaving
            if i - begin >= SHORT_SEED:
                roll_short -= text_hashes[i - SHORT_SEED] * leaving_short
            for size in (SEED, SHORT_SEED):
                if i - begin + 1 < size:
                    continue
                slot = _slot_of(_hashed(roll if size == SEED else roll_short, size), slots, bitmap)
                if slot < 0:
                    continue
                for posting in range(firsts[slot], lasts[slot]):
                    part, there = np.int64(of_part[posting]), places[posting]
                    here = i - size + 1
                    diagonal = here - there + len(hashes)  # never negative
                    if diagonals[part] == diagonal and reached[part] > i:
                        continue
                    first, last = bounds[part], bounds[part + 1]
                    while here > begin and there > first and text_hashes[here - 1] == hashes[there - 1]:
                        here -= 1
                        there -= 1
                    length = i - here + 1
                    while (
                        here + length < end and there + length < last and text_hashes[here + length] == hashes[there + length]
                    ):
                        length += 1
                    diagonals[part], reached[part] = diagonal, here + length
                    weight = 0
                    for k in range(there, there + length):
                        weight += weights[k]
                    if weight < least and length < last - first:
                        continue
                    if found == len(matches):
                        matches = _grown(matches)
                    matches[found, 0], matches[found, 1] = item_of[part], here
                    matches[found, 2], matches[found, 3] = there, length
                    found += 1
        if not found:
            continue
        order = _ordered(matches, found)
        at = 0
        while at < found:
            item = matches[order[at], 0]
            past = at + 1
            while past < found and matches[order[past], 0] == item:
                past += 1
            covered, longest, hit = _judged(
                matches, order[at:past], text_hashes, begin, end, hashes, weights, bounds, parts,
                questions, wholes, ngram, overlap,
            )  # fmt: skip
            if n == len(out_rows):
                out_rows, out_items, out_hits = _twice(out_rows), _twice(out_items), _twice(out_hits)
                out_covered, out_longest = _twice(out_covered), _twice(out_longest)
            out_rows[n], out_items[n], out_covered[n], out_longest[n], out_hits[n] = row, item, covered, longest, hit
            n += 1
            at = past
    return out_rows[:n].copy(), out_items[:n].copy(), out_covered[:n].copy(), out_longest[:n].copy(), out_hits[:n].copy()


@njit(cache=True, nogil=True)
def _twice(array):
    larger = np.empty(2 * len(array), array.dtype)
    larger[: len(array)] = array
    return larger


@njit(cache=True, nogil=True)
def _ordered(matches, found):
    """The matches by item, then by place in the text, then by place in the item."""
    by_question = np.argsort(matches[:found, 2], kind="mergesort")
    by_text = by_question[np.argsort(matches[by_question, 1], kind="mergesort")]
    return by_text[np.argsort(matches[by_text, 0], kind="mergesort")]


@njit(cache=True, nogil=True)
def _judged(
    matches, mine, text_hashes, begin, end, hashes, weights, bounds, parts, questions, wholes, ngram, overlap
):  # fmt: skip
    """The most that matches near each other cover of one item's question, the longest of them all, and whether it is there."""
    item = matches[mine[0], 0]
    first, past, stop = bounds[parts[item]], bounds[parts[item] + 1], bounds[parts[item + 1]]
    near = 2 * (stop - first) + 50
    inside = np.zeros(stop - first, np.bool_)
    best, longest, hit = 0, 0, False
    at = 0
    while at < len(mine):
        inside[:] = False
        heaviest = 0
        left = right = matches[mine[at], 1]
        while at < len(mine) and matches[mine[at], 1] - right <= near:
            place, length = matches[mine[at], 2], matches[mine[at], 3]
            weight = 0
            for k in range(place, place + length):
                inside[k - first] = True
                weight += weights[k]
            longest = max(longest, length)
            if place < past:
                heaviest = max(heaviest, weight)
            right = max(right, matches[mine[at], 1] + length)
            at += 1
        covered = _weight(inside, weights, first, first, past)
        best = max(best, covered)
        if heaviest >= ngram and covered >= overlap * questions[item]:
            hit = True
        if not hit and wholes[item] >= ngram and parts[item + 1] - parts[item] > 2:
            choices = _choices(
                item, inside, text_hashes, max(begin, left - near), min(end, right + near), hashes, bounds, parts
            )
            if choices >= 2:
                covered = _weight(inside, weights, first, first, stop)
                hit = covered >= ngram and covered >= overlap * wholes[item]
    return np.float32(best / max(1, questions[item])), np.int32(longest), hit


@njit(cache=True, nogil=True)
def _weight(inside, weights, first, start, stop):
    found = 0
    for k in range(start, stop):
        if inside[k - first]:
            found += weights[k]
    return found


@njit(cache=True, nogil=True)
def _choices(item, inside, text_hashes, start, stop, hashes, bounds, parts):
    """How many of an item's choices stand in a range of a text, each whole. They are marked as covered, and what is covered in
    part of the others no longer is; the question counts as it is, or whole."""
    first = bounds[parts[item]]
    there = 0
    for part in range(parts[item], parts[item + 1]):
        begin, size = bounds[part], bounds[part + 1] - bounds[part]
        same = False
        for i in range(start, stop - size + 1):
            same = size > 0
            for k in range(size):
                if text_hashes[i + k] != hashes[begin + k]:
                    same = False
                    break
            if same:
                break
        if same or part > parts[item]:
            inside[begin - first : begin - first + size] = same
        there += same and part > parts[item]
    return there
