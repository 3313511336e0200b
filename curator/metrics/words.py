"""Words: their number, lengths, letters and stop words, and the tokens that word n-grams are made of.

A token is a *word*: a run of letters, marks and digits, joined by apostrophes between letters (don't), where every kana and,
unless `begins` says where words begin, every Han character is a word of its own; or a *symbol*: any other character that is
not whitespace, a run of full stops or of ellipsis characters being one.
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.classes import (
    ALPHANUMERIC,
    APOSTROPHE,
    ELLIPSIS,
    HAN,
    HASH,
    KANA,
    LETTERS,
    MARK,
    NEWLINE,
    SPACE,
    STOP,
    mask,
)

TOKENS = 0
WORDS = 1
WORD_CHARS = 2
ALPHABETIC = 3  # tokens with a letter
HASHES = 4
ELLIPSES = 5
STOP_WORDS = 6  # distinct ones
STOP_WORD_HITS = 7
LONGEST = 8
COLUMNS = 9

_IN_WORD = mask((*ALPHANUMERIC, MARK))
_LETTER = mask(LETTERS)
_ALONE = mask((HAN, KANA))
_BLANK = mask((SPACE, NEWLINE))
_SEED = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)


@numba.njit(cache=True, nogil=True)
def count_words(points, kinds, bounds, rows, begins, stop_keys, stop_ids, stop_seen, tokens, places, token_bounds, out):
    """Add each span's words to its row of `out`, and write its tokens: `tokens` holds a hash of each, `places` the number of
    characters in all tokens before it, `token_bounds` where each span's tokens begin.

    `begins` is 1 at each Han character that begins a word and 0 at the others (see han_words.py), or empty: all of them do.
    `stop_keys` is an open table of hashes of stop words, a power of two long, 0 where free; `stop_ids` says which word each is;
    `stop_seen` remembers the last row that used each word.
    """
    cut = len(begins) > 0
    n = 0
    places[0] = 0
    token_bounds[0] = 0
    for span in range(len(rows)):
        row = out[rows[span]]
        i = bounds[span]
        end = bounds[span + 1]
        while i < end:
            kind = kinds[i]
            if (_BLANK >> kind) & 1:
                i += 1
                continue
            begin = i
            state = (_SEED ^ np.uint64(points[i])) * _PRIME
            state ^= state >> np.uint64(32)
            i += 1
            row[TOKENS] += 1
            if (_ALONE >> kind) & 1:
                while i < end and (kinds[i] == MARK or (cut and kinds[i] == HAN and kind == HAN and begins[i] == 0)):
                    state = (state ^ np.uint64(points[i])) * _PRIME
                    state ^= state >> np.uint64(32)
                    i += 1
                row[ALPHABETIC] += 1
                word = True
            elif (_IN_WORD >> kind) & 1:
                alphabetic = (_LETTER >> kind) & 1
                while i < end:
                    kind = kinds[i]
                    if not (_IN_WORD >> kind) & 1:
                        joins = kind == APOSTROPHE and i + 1 < end and (_LETTER >> kinds[i - 1]) & (_LETTER >> kinds[i + 1]) & 1
                        if not joins or (_ALONE >> kinds[i + 1]) & 1:
                            break
                    elif (_ALONE >> kind) & 1:
                        break
                    alphabetic |= (_LETTER >> kind) & 1
                    state = (state ^ np.uint64(points[i])) * _PRIME
                    state ^= state >> np.uint64(32)
                    i += 1
                row[ALPHABETIC] += alphabetic
                word = True
            else:
                word = False
                if kind in (STOP, ELLIPSIS):
                    while i < end and kinds[i] == kind:
                        state = (state ^ np.uint64(points[i])) * _PRIME
                        state ^= state >> np.uint64(32)
                        i += 1
                    row[ELLIPSES] += kind == ELLIPSIS or i - begin >= 3
                row[HASHES] += kind == HASH
            if word:
                row[WORDS] += 1
                row[WORD_CHARS] += i - begin
                row[LONGEST] = max(row[LONGEST], i - begin)
                at = np.int64(state >> np.uint64(40)) & (len(stop_keys) - 1)
                while stop_keys[at] != 0:
                    if stop_keys[at] == state:
                        row[STOP_WORD_HITS] += 1
                        if stop_seen[stop_ids[at]] != rows[span]:
                            stop_seen[stop_ids[at]] = rows[span]
                            row[STOP_WORDS] += 1
                        break
                    at = (at + 1) & (len(stop_keys) - 1)
            tokens[n] = state
            n += 1
            places[n] = places[n - 1] + (i - begin)
        token_bounds[span + 1] = n


def word_hash(word: str) -> int:
    """The hash that `count_words` gives a word."""
    state = int(_SEED)
    for character in word:
        state = ((state ^ ord(character)) * int(_PRIME)) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 32
    return state


def stop_table(words: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`stop_keys`, `stop_ids` and `stop_seen` of count_words. A word is met in lower case, Capitalised and in UPPER CASE."""
    forms = {word_hash(form): number for number, word in enumerate(words) for form in (word.upper(), word.capitalize(), word)}
    size = 16
    while size < 4 * len(forms):
        size *= 2
    keys, ids = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for form, number in sorted(forms.items()):
        at = (form >> 40) & (size - 1)
        while keys[at]:
            at = (at + 1) & (size - 1)
        keys[at], ids[at] = form, number
    return keys, ids, np.full(max(len(words), 1), -1, np.int64)
