"""Words: their number, lengths, letters and stop words. What a token and a word are: see tokens.py."""

from __future__ import annotations

import functools

import numba
import numpy as np

from curator.metrics.classes import APOSTROPHE, ELLIPSIS, IN_WORD, LETTERS, STOP, mask
from curator.metrics.hashes import hash_bytes
from curator.metrics.lists import WordList

TOKENS = 0
WORDS = 1
WORD_CHARS = 2
ALPHABETIC = 3  # tokens with a letter
ELLIPSES = 4
STOP_WORDS = 5  # distinct ones
STOP_WORD_HITS = 6
LONGEST = 7
COLUMNS = 8

_LETTER = mask(LETTERS)
_FIRST, _LAST = IN_WORD[0], IN_WORD[-1]


@numba.njit(inline="always")
def is_word(kinds, first, length):
    """Whether a token is a word: only its first character may be another than those of words ('s, @name)."""
    own = (kinds[first] >= _FIRST) & (kinds[first] <= _LAST)
    then = kinds[first + (length > 1)]
    return own | (then >= _FIRST) & (then <= _LAST)


@numba.njit(cache=True, nogil=True)
def count_words(kinds, rows, token_bounds, starts, stops, hashes, stop_keys, stop_ids, stop_seen, out):
    """Add each span's words to its row of `out`.

    `stop_keys` is an open table of hashes of stop words, a power of two long, 0 where free; `stop_ids` says which word each is;
    `stop_seen` remembers the last row that used each word, and has one element more.
    """
    last_slot = len(stop_keys) - 1
    for span in range(len(rows)):
        words = chars = alphabetic = ellipses = hits = distinct = longest = 0
        for k in range(token_bounds[span], token_bounds[span + 1]):
            first = starts[k]
            length = np.int64(stops[k]) - first
            kind = kinds[first]
            word = is_word(kinds, first, length)
            words += word
            chars += word * length
            longest = max(longest, word * length)
            letter = word & (((_LETTER >> kind) & 1) | (kind == APOSTROPHE))
            if word & (letter == 0):
                for i in range(first, first + length):
                    letter |= (_LETTER >> kinds[i]) & 1
            alphabetic += letter
            ellipses += (kind == ELLIPSIS) | (kind == STOP) & (length >= 3)
            slot = np.int64(hashes[k] >> np.uint64(40)) & last_slot
            key = stop_keys[slot]
            while (key != 0) & (key != hashes[k]):
                slot = (slot + 1) & last_slot
                key = stop_keys[slot]
            # No branch from here: which words are listed cannot be guessed. A free slot has the last id, which no word has.
            hit = word & (key != 0)
            hits += hit
            number = stop_ids[slot]
            distinct += hit & (stop_seen[number] != rows[span])
            stop_seen[number] = rows[span]
        row = out[rows[span]]
        row[TOKENS] += token_bounds[span + 1] - token_bounds[span]
        row[WORDS] += words
        row[WORD_CHARS] += chars
        row[ALPHABETIC] += alphabetic
        row[ELLIPSES] += ellipses
        row[STOP_WORDS] += distinct
        row[STOP_WORD_HITS] += hits
        row[LONGEST] = max(row[LONGEST], longest)


def word_hash(word: str) -> int:
    """The hash that `hash_tokens` gives a word."""
    data = np.frombuffer(word.encode() or b"\0", np.uint8)
    return int(hash_bytes(data, 0, len(word.encode())))


@functools.lru_cache(maxsize=64)
def stop_table(words: WordList) -> tuple[np.ndarray, np.ndarray]:
    """`stop_keys` and `stop_ids` of count_words. A word is met in lower case, Capitalised and in UPPER CASE."""
    forms = {
        word_hash(form): number for number, word in enumerate(words.words) for form in (word.upper(), word.capitalize(), word)
    }
    size = 16
    while size < 8 * len(forms):
        size *= 2
    keys, ids = np.zeros(size, np.uint64), np.full(size, len(words.words), np.int32)
    for form, number in sorted(forms.items()):
        at = (form >> 40) & (size - 1)
        while keys[at]:
            at = (at + 1) & (size - 1)
        keys[at], ids[at] = form, number
    return keys, ids
