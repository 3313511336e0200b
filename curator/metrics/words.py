"""Words: their number, lengths, letters and stop words. What a token and a word are: see tokens.py."""

from __future__ import annotations

import functools

import numba
import numpy as np

from curator.metrics.classes import IN_WORD, table
from curator.metrics.compiled import allocating, kernel
from curator.metrics.hashes import hash_bytes
from curator.metrics.lists import WordList
from curator.metrics.vectors import LANES, below, lowest, within

# What find_tokens counts.
TOKENS = 0
WORDS = 1
WORD_CHARS = 2
ALPHABETIC = 3  # tokens with a letter
ELLIPSES = 4
LONGEST = 5
COLUMNS = 6

# What is counted for each list of stop words.
STOP_WORDS = 0  # distinct ones
STOP_WORD_HITS = 1
STOP_COLUMNS = 2

LENGTHS = 64  # of tokens that are told apart
SLOTS = 2048  # of a table, at least: most words that are not listed meet a free one
_FIRST, _LAST = IN_WORD[0], IN_WORD[-1]


@numba.njit(inline="always")
def is_word(kinds, first, length):
    """Whether a token is a word: only its first character may be another than those of words ('s, @name)."""
    own = (kinds[first] >= _FIRST) & (kinds[first] <= _LAST)
    then = kinds[first + (length > 1)]
    return own | (then >= _FIRST) & (then <= _LAST)


@kernel
def keep_likely(points, likely, starts, stops, token_bounds):
    """Keep the tokens that may be stop words, by how long they are and how they begin: see `likely_words`."""
    n = np.int64(0)
    first = token_bounds[0]
    for span in range(len(token_bounds) - 1):
        for k in range(first, token_bounds[span + 1]):  # no branch: which words are rare cannot be guessed
            begin, end = starts[np.uint64(k)], stops[np.uint64(k)]
            starts[np.uint64(n)], stops[np.uint64(n)] = begin, end
            length = min(np.uint64(end - begin), np.uint64(LENGTHS - 1))
            n += likely[length, points[np.uint64(begin)] & np.uint32(0xFF)]
        first = token_bounds[span + 1]
        token_bounds[span + 1] = n


@allocating
def count_stop_words(rows, token_bounds, hashes, keys, ids, seen, hits_too, out):
    """Add each span's stop words to its row of `out`; how many hits there are only if `hits_too`: most texts have all of the
    words of a short list soon, and nobody needs to look at the rest.

    `keys` is an open table of hashes of stop words, a power of two long, 0 where free; `ids` says which word each is; `seen`
    remembers the last row that used each word. Most words meet a free slot: the others are found 64 at a time.
    """
    last_slot = np.uint64(len(keys) - 1)
    taken = np.empty(len(keys), np.uint8)
    for slot in range(len(keys)):
        taken[slot] = keys[slot] != 0
    meets = np.empty(LANES, np.uint8)
    missing = 0  # words that the row does not have so far
    for span in range(len(rows)):
        if span == 0 or rows[span] != rows[span - 1]:
            missing = len(seen)
        hits = distinct = 0
        for first in range(token_bounds[span], token_bounds[span + 1], LANES):
            if distinct == missing and not hits_too:
                break
            some = min(token_bounds[span + 1] - first, LANES)
            for k in range(some):
                meets[np.uint64(k)] = taken[(hashes[np.uint64(first + k)] >> np.uint64(40)) & last_slot]
            left = within(meets, 0, 1, 1) & below(some)
            while left:
                found = hashes[np.uint64(first + lowest(left))]
                left &= left - np.uint64(1)
                slot = (found >> np.uint64(40)) & last_slot
                while keys[slot] != 0 and keys[slot] != found:
                    slot = (slot + np.uint64(1)) & last_slot
                if keys[slot] != 0:
                    hits += 1
                    distinct += seen[ids[slot]] != rows[span]
                    seen[ids[slot]] = rows[span]
        missing -= distinct
        row = np.uint64(rows[span])
        out[row, STOP_WORDS] += distinct
        out[row, STOP_WORD_HITS] += hits


def word_hash(word: str) -> int:
    """The hash that `hash_tokens` gives a word."""
    data = np.frombuffer(word.encode() or b"\0", np.uint8)
    return int(hash_bytes(data, 0, len(word.encode())))


def _forms(words: WordList) -> list[tuple[str, int]]:
    """A word is met in lower case, Capitalised and in UPPER CASE; symbols are none."""
    return [
        (form, number)
        for number, word in enumerate(words.words)
        for form in (word.upper(), word.capitalize(), word)
        if any(_FIRST <= table()[ord(character)] <= _LAST for character in form[:2])
    ]


@functools.lru_cache(maxsize=64)
def likely_words(lists: tuple[WordList, ...]) -> np.ndarray:
    """By length and the lowest byte of the first character: whether a token may be a word of one of the lists."""
    likely = np.zeros((LENGTHS, 256), np.bool_)
    for form, _ in (found for words in lists for found in _forms(words)):
        likely[min(len(form), LENGTHS - 1), ord(form[0]) & 0xFF] = True
    return likely


@functools.lru_cache(maxsize=64)
def stop_table(words: WordList) -> tuple[np.ndarray, np.ndarray]:
    """`keys` and `ids` of count_stop_words."""
    forms = {word_hash(form): number for form, number in _forms(words)}
    size = SLOTS
    while size < 8 * len(forms):
        size *= 2
    keys, ids = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for form, number in sorted(forms.items()):
        at = (form >> 40) & (size - 1)
        while keys[at]:
            at = (at + 1) & (size - 1)
        keys[at], ids[at] = form, number
    return keys, ids
