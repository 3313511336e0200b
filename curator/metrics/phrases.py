"""Phrases of lists: how often they occur, how many different ones, and how many letters they cover.

A phrase is compared without regard to case (one code point for one) or to full-width forms of ASCII. With `match: words` both
of its ends must be ends of words: at a letter or digit of a spaced script no letter, mark or digit may follow or precede;
between two Han characters jieba must begin a word (进出口交易会 holds no 口交, 看口交视频 does); everywhere else is an end.
jieba's HMM is off here: of 5,600 places where words of a list of insults and gambling stood in web text, it lost 283, most
of them true (时时彩 in 时时/彩后/二, 傻逼 in 傻/逼会), and found none more. What jieba's dictionary has as one word is one:
强奸案 holds no 强奸, a list must have both. With `match: anywhere` every place will do.

Occurrences do not overlap: from the left, the longest phrase that begins at a place counts, and the next may begin where it
ends. One automaton names the candidates of all lists of a filter; only runs of Han characters around a candidate's Han end are
segmented. The time is linear in the text: at worst the segmenter's, plus, for each place, the phrases that begin one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numba
import numpy as np

from curator.metrics import classes, few_phrases, han_words
from curator.metrics.automaton import MOST_LISTS, Automaton, automaton, child, possible_ends
from curator.metrics.classes import ALPHANUMERIC, HAN, KANA, LETTERS, MARK, mask
from curator.metrics.compiled import allocating, inner, kernel
from curator.metrics.lists import WordList
from curator.metrics.segments import PADDING
from curator.metrics.vectors import LANES, highest, lowest

OCCURRENCES = 0
DISTINCT = 1
LETTERS_COVERED = 2
DISTINCT_LETTERS = 3  # of the first occurrence of each phrase
COLUMNS = 4
MATCHES = ("words", "anywhere")

_IN_WORD = mask((*ALPHANUMERIC, MARK))
_SPACED = mask(tuple(kind for kind in (*ALPHANUMERIC, MARK) if kind not in (HAN, KANA)))
_LETTER = mask(LETTERS)


class Phrases:
    """Finds the phrases of some lists in chunks of at most `room` characters, behind which there is padding, and counts them
    for each list as if it were alone."""

    def __init__(self, lists: Sequence[WordList], match: str, room: int) -> None:
        if match not in MATCHES:
            raise ValueError(f"match: {match!r} is none of {', '.join(MATCHES)}")
        self.words = match == "words"
        self.automaton: Automaton = automaton(*lists)
        self._beginnings = few_phrases.beginnings_of(self.automaton)
        self._places, self._heads = np.empty(room, np.int32), np.empty(room, np.int32)
        self._begins = np.empty(room, np.uint8)
        self._lows = np.empty(few_phrases.WINDOW + PADDING, np.uint8)
        self._bits = np.empty(room // LANES + 1, np.uint64)
        self._free = np.empty(len(lists), np.int64)
        self._seen = np.full((len(lists), max(len(self.automaton.phrases), 1)), -1, np.int64)

    def count(
        self, points: np.ndarray, kinds: np.ndarray, bounds: np.ndarray, rows: np.ndarray, out: np.ndarray, noted: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Add each span's phrases of each list to the list's row of `out`: lists by rows by COLUMNS. The spans of a row must
        follow one another. Returns where the first `noted` occurrences begin, and which phrases they are."""
        found = np.empty(len(bounds), np.int64)
        asked = points, kinds, bounds, self.words, self._places, self._heads, found
        known = self.automaton
        if self._beginnings is None:
            possible_ends(points, kinds, bounds, self.words, known.ends, known.tails, known.symbols, self._bits)
            total = _candidates(*asked, self._bits, *known.states)
        else:
            total = few_phrases.find_candidates(*asked, known.symbols, known.lengths, self._lows, *self._beginnings.arrays)
        places, heads = self._places[:total], self._heads[:total]
        shape = known.lengths, known.shorter
        if self.words and total:
            runs = _doubtful(kinds, bounds, places, heads, found, *shape, self._begins)
            han_words.mark(points, *runs, self._begins, hmm=False)
        hits = np.empty((2, noted), np.int64)
        known_too = *shape, known.lists, self.words, self._begins, self._free, self._seen
        counted = _count(kinds, bounds, rows, places, heads, found, *known_too, hits, out)
        return hits[0, :counted], hits[1, :counted]


def is_short(*lists: WordList) -> bool:
    """Whether the phrases of these lists are found by how they begin."""
    return few_phrases.beginnings_of(automaton(*lists)) is not None


def together(lists: Sequence[WordList]) -> list[list[int]]:
    """Which lists are best found in one pass: short ones as long as they are so together, and the others."""
    short: list[list[int]] = []
    others: list[int] = []
    for number, one in enumerate(lists):
        if not is_short(one):
            others.append(number)
        elif short and is_short(*(lists[other] for other in short[-1]), one):
            short[-1].append(number)
        else:
            short.append([number])
    return short + [others[first : first + MOST_LISTS] for first in range(0, len(others), MOST_LISTS)]


def places(text: str, phrases: WordList, match: Literal["words", "anywhere"] = "words") -> list[tuple[int, int, str]]:
    """Where phrases occur in one text: begin, end, and the phrase as its list has it. For a text of at most a piece's size,
    these are the occurrences that are counted."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass") + bytes(4 * PADDING), np.uint32)
    length = len(points) - PADDING
    finder = Phrases([phrases], match, length)
    bounds, out = np.array([0, length], np.int64), np.zeros((1, 1, COLUMNS), np.int64)
    begins, which = finder.count(points, classes.table()[points], bounds, np.zeros(1, np.int64), out, length)
    lengths, names = finder.automaton.lengths, finder.automaton.phrases
    return [(i, i + int(lengths[n]), names[n]) for i, n in zip(begins.tolist(), which.tolist())]


@kernel
def _candidates(
    points,
    kinds,
    bounds,
    words,
    places,
    longest,
    found,
    bits,
    dense,
    symbols,
    firsts,
    keys,
    nexts,
    wanted,
    fails,
    rests,
    depths,
    heads,
):
    """Places where a phrase begins and the longest one that does, span by span, each span from its end. With `words`, not those
    whose beginning is inside a word of a spaced script. `bits` are the places where a phrase may end."""
    n = 0
    found[0] = 0
    for span in range(len(bounds) - 1):
        state = np.int64(0)
        first = bounds[span]
        i = bounds[span + 1]
        while i > first:
            i -= 1
            if state == 0:
                i = _last_before(bits, first, i)
                if i < first:
                    break
            symbol = symbols[points[i]]
            if symbol == 0:
                state = np.int64(0)
                continue
            if symbol < dense.shape[1] and state < len(dense):
                state = np.int64(dense[state, symbol])
            else:
                to = np.int64(0)
                while state != 0:
                    if (wanted[state] >> np.uint64(symbol & 63)) & np.uint64(1):
                        to = child(state, symbol, keys, nexts)
                        if to != 0:
                            break
                    state = np.int64(fails[state])
                state = to if to != 0 else np.int64(firsts[symbol])
            while state != 0 and not _is_set(bits, i + depths[state] - 1):
                state = np.int64(fails[state])  # no phrase ends there
            head = heads[state]
            state = np.int64(rests[state])
            if head < 0:
                continue
            if words and i > first and (_SPACED >> kinds[i]) & 1 and (_SPACED >> kinds[i - 1]) & 1:
                continue
            places[n] = i
            longest[n] = head
            n += 1
        found[span + 1] = n
    return n


@numba.njit(inline="always")
def _is_set(bits, i):
    return (bits[np.uint64(i) // np.uint64(LANES)] >> (np.uint64(i) % np.uint64(LANES))) & np.uint64(1)


@numba.njit(inline="always")
def _last_before(bits, first, i):
    """The last place up to `i` whose bit is set; one before `first` if there is none from there on."""
    word = i // LANES
    some = bits[word] & ~np.uint64(0) >> np.uint64(LANES - 1 - i % LANES)
    while not some and word * LANES > first:
        word -= 1
        some = bits[word]
    return word * LANES + highest(some)


@allocating
def _doubtful(kinds, bounds, places, heads, found, lengths, shorter, asked):
    """The runs of Han characters that must be segmented to know whether the candidates' ends are ends of words. `asked` is
    written over."""
    starts = np.empty(len(asked) // 2 + 1, np.int64)
    stops = np.empty(len(asked) // 2 + 1, np.int64)
    n = 0
    for span in range(len(bounds) - 1):
        first = bounds[span]
        last = bounds[span + 1]
        if found[span + 1] == found[span]:
            continue
        asked[first:last] = 0
        some = False
        for k in range(found[span], found[span + 1]):
            begin = np.int64(places[k])
            asked[begin] |= kinds[begin] == HAN
            some |= kinds[begin] == HAN
            phrase = np.int64(heads[k])
            while phrase >= 0:
                end = begin + lengths[phrase]
                if end < last:
                    asked[end] |= kinds[end - 1] == HAN
                    some |= kinds[end - 1] == HAN
                phrase = np.int64(shorter[phrase])
        if not some:
            continue
        i = first
        while i < last:
            if kinds[i] != HAN:
                i += 1
                continue
            starts[n] = i
            inside = False
            i += 1
            while i < last and kinds[i] == HAN:
                inside |= asked[i] != 0
                i += 1
            stops[n] = i
            n += inside
    return starts[:n], stops[:n]


@inner
def _parts(before, after, begins, at):
    """Whether one word may end after a character of class `before` and another begin with the next, at `at`."""
    if after == MARK:
        return not (_IN_WORD >> before) & 1
    if before == HAN and after == HAN:
        return begins[at] != 0
    return not (_SPACED >> before) & (_SPACED >> after) & 1


@kernel
def _count(kinds, bounds, rows, places, heads, found, lengths, shorter, lists, words, begins, free, seen, hits, out):
    """Count, of each span's candidates, which come from its end, the occurrences, which come from its beginning. Returns how
    many are noted in `hits`: those of the first list."""
    noted = 0
    for span in range(len(bounds) - 1):
        first = bounds[span]
        last = bounds[span + 1]
        free[:] = first  # where each list's last occurrence ended
        row = rows[span]
        for k in range(found[span + 1] - 1, found[span] - 1, -1):
            begin = np.int64(places[k])
            if words and begin > first and not _parts(kinds[begin - 1], kinds[begin], begins, begin):
                continue
            served = np.uint64(0)  # lists that have a phrase here
            phrase = np.int64(heads[k])
            while phrase >= 0:
                end = begin + lengths[phrase]
                some = lists[phrase] & ~served
                if some and (not words or end == last or _parts(kinds[end - 1], kinds[end], begins, end)):
                    served |= some
                    letters = np.int64(0)
                    for i in range(begin, end):
                        letters += np.int64((_LETTER >> kinds[i]) & 1)
                    while some:
                        which = lowest(some)
                        some &= some - np.uint64(1)
                        if begin < free[which]:
                            continue
                        free[which] = end
                        new = np.int64(seen[which, phrase] != row)
                        seen[which, phrase] = row
                        counts = out[which, row]
                        counts[OCCURRENCES] += 1
                        counts[LETTERS_COVERED] += letters
                        counts[DISTINCT] += new
                        counts[DISTINCT_LETTERS] += new * letters
                        if which == 0 and noted < hits.shape[1]:
                            hits[0, noted] = begin
                            hits[1, noted] = phrase
                            noted += 1
                phrase = np.int64(shorter[phrase])
    return noted
