"""Phrases of a list: how often they occur, how many different ones, and how many letters they cover.

A phrase is compared without regard to case (one code point for one) or to full-width forms of ASCII. With `match: words` both
of its ends must be ends of words: at a letter or digit of a spaced script no letter, mark or digit may follow or precede;
between two Han characters jieba must begin a word (进出口交易会 holds no 口交, 看口交视频 does); everywhere else is an end.
jieba's HMM is off here: of 5,600 places where words of a list of insults and gambling stood in web text, it lost 283, most
of them true (时时彩 in 时时/彩后/二, 傻逼 in 傻/逼会), and found none more. What jieba's dictionary has as one word is one:
强奸案 holds no 强奸, a list must have both. With `match: anywhere` every place will do.

Occurrences do not overlap: from the left, the longest phrase that begins at a place counts, and the next may begin where it
ends. An automaton names the candidates; only runs of Han characters around a candidate's Han end are segmented. The time is
linear in the text: at worst the segmenter's, plus, for each place, the phrases of the list that begin one another there.
"""

from __future__ import annotations

from typing import Literal

import numba
import numpy as np

from curator.metrics import classes, few_phrases, han_words
from curator.metrics.automaton import Automaton, automaton, child, end_hash
from curator.metrics.classes import ALPHANUMERIC, HAN, KANA, LETTERS, MARK, mask
from curator.metrics.lists import WordList
from curator.metrics.segments import PADDING

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
    """Finds the phrases of one list in chunks of at most `room` characters, behind which there is padding, and counts them."""

    def __init__(self, phrases: WordList, match: str, room: int) -> None:
        if match not in MATCHES:
            raise ValueError(f"match: {match!r} is none of {', '.join(MATCHES)}")
        self.words = match == "words"
        self.automaton: Automaton = automaton(phrases)
        self._beginnings = few_phrases.beginnings_of(self.automaton)
        self._places, self._heads = np.empty(room, np.int32), np.empty(room, np.int32)
        self._begins = np.empty(room, np.uint8)
        self._seen = np.full(max(len(self.automaton.phrases), 1), -1, np.int64)

    def find(self, points: np.ndarray, kinds: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each occurrence begins, which phrase it is, and, for each span, which occurrence is its first."""
        found = np.empty(len(bounds), np.int64)
        asked = points, kinds, bounds, self.words, self._places, self._heads, found
        if self._beginnings is None:
            total = _candidates(*asked, *self.automaton.states)
        else:
            known = self.automaton.symbols, self.automaton.lengths
            total = few_phrases.find_candidates(*asked, *known, *self._beginnings.arrays)
        places, heads = self._places[:total], self._heads[:total]
        shape = self.automaton.lengths, self.automaton.shorter
        if self.words and total:
            runs = _doubtful(kinds, bounds, places, heads, found, *shape, self._begins)
            han_words.mark(points, *runs, self._begins, hmm=False)
        hits = np.empty(len(bounds), np.int64)
        total = _choose(kinds, bounds, places, heads, found, *shape, self.words, self._begins, hits)
        return places[:total], heads[:total], hits

    def count(self, points: np.ndarray, kinds: np.ndarray, bounds: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
        """Add each span's phrases to its row of `out`. The spans of a row must follow one another."""
        _add(kinds, rows, *self.find(points, kinds, bounds), self.automaton.lengths, self._seen, out)


def places(text: str, phrases: WordList, match: Literal["words", "anywhere"] = "words") -> list[tuple[int, int, str]]:
    """Where phrases occur in one text: begin, end, and the phrase as its list has it. For a text of at most a piece's size,
    these are the occurrences that are counted."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass") + bytes(4 * PADDING), np.uint32)
    length = len(points) - PADDING
    finder = Phrases(phrases, match, length)
    begins, which, _ = finder.find(points, classes.table()[points], np.array([0, length], np.int64))
    lengths, names = finder.automaton.lengths, finder.automaton.phrases
    return [(i, i + int(lengths[n]), names[n]) for i, n in zip(begins.tolist(), which.tolist())]


@numba.njit(cache=True, nogil=True)
def _candidates(
    points, kinds, bounds, words, places, longest, found, depth, ends, dense, symbols, firsts, keys, nexts, wanted, fails, heads
):
    """Places where a phrase begins and the longest one that does, span by span, each span from its end. With `words`, not those
    whose beginning is inside a word of a spaced script."""
    n = 0
    found[0] = 0
    for span in range(len(bounds) - 1):
        state = np.int64(0)
        first = bounds[span]
        i = bounds[span + 1]
        while i > first:
            i -= 1
            if state == 0:
                i = _next_end(points, first + depth - 1, i, depth, ends)
                if i < first + depth - 1:  # fewer characters are left than the shortest phrase has
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
            if heads[state] < 0:
                continue
            if words and i > first and (_SPACED >> kinds[i]) & 1 and (_SPACED >> kinds[i - 1]) & 1:
                continue
            places[n] = i
            longest[n] = heads[state]
            n += 1
        found[span + 1] = n
    return n


@numba.njit(cache=True, nogil=True)
def _next_end(points, least, i, depth, ends):
    """The last place from `i` down to `least` at which a phrase may end, or `least - 1`."""
    if depth == 3:
        while i >= least and not ends[end_hash(points[i], points[i - 1], points[i - 2])]:
            i -= 1
    elif depth == 2:
        while i >= least and not ends[end_hash(points[i], points[i - 1], 0)]:
            i -= 1
    else:
        while i >= least and not ends[end_hash(points[i], 0, 0)]:
            i -= 1
    return i


@numba.njit(cache=True, nogil=True)
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
        for k in range(found[span], found[span + 1]):
            begin = np.int64(places[k])
            asked[begin] |= kinds[begin] == HAN
            phrase = np.int64(heads[k])
            while phrase >= 0:
                end = begin + lengths[phrase]
                if end < last:
                    asked[end] |= kinds[end - 1] == HAN
                phrase = np.int64(shorter[phrase])
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


@numba.njit(cache=True, nogil=True)
def _parts(before, after, begins, at):
    """Whether one word may end after a character of class `before` and another begin with the next, at `at`."""
    if after == MARK:
        return not (_IN_WORD >> before) & 1
    if before == HAN and after == HAN:
        return begins[at] != 0
    return not (_SPACED >> before) & (_SPACED >> after) & 1


@numba.njit(cache=True, nogil=True)
def _choose(kinds, bounds, places, heads, found, lengths, shorter, words, begins, hits):
    """Of each span's candidates, which come from its end, the occurrences, from its beginning: written over `places` and
    `heads`. `hits` becomes where each span's occurrences are."""
    total = 0
    hits[0] = 0
    for span in range(len(bounds) - 1):
        first = bounds[span]
        last = bounds[span + 1]
        low = found[span]
        high = found[span + 1] - 1
        while low < high:  # turn them round
            places[low], places[high] = places[high], places[low]
            heads[low], heads[high] = heads[high], heads[low]
            low += 1
            high -= 1
        free = first  # where the last occurrence ended
        for k in range(found[span], found[span + 1]):
            begin = np.int64(places[k])
            if begin < free or (words and begin > first and not _parts(kinds[begin - 1], kinds[begin], begins, begin)):
                continue
            phrase = np.int64(heads[k])
            while phrase >= 0:
                end = begin + lengths[phrase]
                if not words or end == last or _parts(kinds[end - 1], kinds[end], begins, end):
                    places[total] = begin
                    heads[total] = phrase
                    total += 1
                    free = end
                    break
                phrase = np.int64(shorter[phrase])
        hits[span + 1] = total
    return total


@numba.njit(cache=True, nogil=True)
def _add(kinds, rows, places, which, hits, lengths, seen, out):
    for span in range(len(rows)):
        row = out[rows[span]]
        for k in range(hits[span], hits[span + 1]):
            row[OCCURRENCES] += 1
            begin = np.int64(places[k])
            letters = np.int64(0)
            for i in range(begin, begin + lengths[which[k]]):
                letters += np.int64((_LETTER >> kinds[i]) & 1)
            row[LETTERS_COVERED] += letters
            if seen[which[k]] != rows[span]:
                seen[which[k]] = rows[span]
                row[DISTINCT] += 1
                row[DISTINCT_LETTERS] += letters
