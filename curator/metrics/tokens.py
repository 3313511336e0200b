"""Words and symbols of a text: where they begin and end.

A token is a *word* or a *symbol*. Words are runs of letters, marks and digits; in scripts that space their words:
- one to three marks between letters or digits join them: 3.14, 12:30, AT&T, example.com, http://a.b, and/or; those of Chinese
  and Japanese, ellipses and dashes do not (well-known is three tokens), but a hyphen between a letter and a digit does
  (covid-19), and an en dash between digits (1914–18);
- / \\ or @ at the beginning, after whitespace, belongs to the word (@name);
- an apostrophe between letters begins a word: it's is it and 's, don't is don and 't;
- the full stop after a lone letter belongs to it: J., U.S., e.g.

Every kana and, unless `begins` says where words begin, every Han character is a word. A symbol is any other character that is
not whitespace; full stops, hyphens, and characters of ellipsis make one symbol of a run.

The rules look at the three characters before and after a place at most, so that 64 places are decided at a time: each test
below is a number with a bit for each of them.
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.classes import (
    ALONE,
    APOSTROPHE,
    BLANKS,
    DIGIT,
    ELLIPSIS,
    HAN,
    LETTERS,
    MARK,
    SPACED,
    SPACED_LETTERS,
    STOP,
    SYMBOLS,
)
from curator.metrics.compiled import allocating, kernel
from curator.metrics.hashes import BLOCK, hash_bytes, load_block, mixed
from curator.metrics.vectors import LANES, after, before, below, count, highest, list64, low_alike, lowest, within, within_few
from curator.metrics.words import ALPHABETIC, ELLIPSES, LONGEST, TOKENS, WORD_CHARS, WORDS, is_word

_FIRST, _LAST = SPACED[0], SPACED[-1]
_FIRST_LETTER, _LAST_LETTER = SPACED_LETTERS[0], SPACED_LETTERS[-1]
_FIRST_ALPHA, _LAST_ALPHA = LETTERS[0], LETTERS[-1]
_FIRST_SYMBOL, _LAST_SYMBOL = SYMBOLS[0], SYMBOLS[-1]
_HYPHEN, _SLASH, _AT, _BACKSLASH = (np.uint8(ord(mark)) for mark in "-/@\\")
_EN_DASH, _DASHES = np.uint16(0x2013), (np.uint16(0x2010), np.uint16(0x2015))
_BEFORE_CJK = np.uint16(0x2E7F)  # the last code point before those of Chinese and Japanese
_ONE, _ALL = np.uint64(1), np.uint8(0xFF)
_TOGETHER = 512  # tokens that are hashed
_u = np.uint64  # of an index that cannot be negative: spares numba a test


@numba.njit(inline="always")
def _marks(points, kinds, at, inside):
    """Of 64 places: marks that may join; hyphens; marks that may begin a word; en dashes."""
    hyphen = low_alike(points, at, _ALL, _HYPHEN)
    sigil = low_alike(points, at, _ALL, _SLASH) | low_alike(points, at, _ALL, _AT) | low_alike(points, at, _ALL, _BACKSLASH)
    mark = within(kinds, at, _FIRST_SYMBOL, _LAST_SYMBOL)
    mark &= ~(within(kinds, at, APOSTROPHE, APOSTROPHE) | within(kinds, at, ELLIPSIS, ELLIPSIS))
    dash = np.uint64(0)
    narrow = within(points, at, 0, 0x7F)
    if ~narrow & inside:
        hyphen &= narrow
        sigil &= narrow
        mark &= within_few(points, at, np.uint16(0), _BEFORE_CJK) & ~within_few(points, at, _DASHES[0], _DASHES[1])
        dash = within_few(points, at, _EN_DASH, _EN_DASH) & inside
    return mark & inside & ~hyphen, hyphen & inside, sigil & inside, dash


@numba.njit(inline="always")
def _note(places, n, bits, at):
    """Write the places of 64 whose bit is set behind the `n` that are there. Returns how many there are then."""
    if n + LANES <= len(places):
        return list64(places, n, bits, at)
    while bits:
        places[_u(n)] = at + lowest(bits)
        bits &= bits - _ONE
        n += 1
    return n


@kernel
def find_tokens(points, kinds, bounds, rows, begins, all_of_them, starts, stops, token_bounds, out):
    """Write where the tokens of each span begin and end; `token_bounds` says which are a span's. Add them, by what words.py
    counts, to the span's row of `out`.

    Unless `all_of_them` are asked for, those of one character, nearly all of Chinese, are counted and not written, but for some
    at borders.

    `begins` is 1 at each Han character that begins a word and 0 at the others (see han_words.py), or empty: all of them do.
    """
    cut = len(begins) > 0
    n = 0
    m = 0
    token_bounds[0] = 0
    for span in range(len(bounds) - 1):
        end = bounds[span + 1]
        none = np.uint64(0)
        # Of the 64 places before: letters and digits of spaced scripts, ...
        l_spaced = l_letter = l_mark = l_plain = l_apostrophe = l_alone = l_digit = l_in = l_text = l_stop = l_hyphen = none
        l_dots = l_alpha = none
        tokens = words = chars = alphabetic = ellipses = 0
        at = bounds[span]
        last_first = last_alpha = at - 1  # the last places where a token begins, and where a letter stands
        inside = below(end - at)
        spaced = within(kinds, at, _FIRST, _LAST) & inside
        mark, hyphen, sigil, dash = _marks(points, kinds, at, inside)
        stop = within(kinds, at, STOP, STOP) & inside
        while at < end:
            inside = below(end - at)
            letter = within(kinds, at, _FIRST_LETTER, _LAST_LETTER) & inside
            digit = within(kinds, at, DIGIT, DIGIT) & inside
            digit_ahead = within(kinds, at + 1, DIGIT, DIGIT) & below(end - at - 1)
            letter_ahead = within(kinds, at + 1, _FIRST_LETTER, _LAST_LETTER) & below(end - at - 1)
            apostrophe = within(kinds, at, APOSTROPHE, APOSTROPHE) & inside
            alone = within(kinds, at, ALONE[0], ALONE[-1]) & inside
            dots = within(kinds, at, ELLIPSIS, ELLIPSIS) & inside
            text = inside & ~within(kinds, at, BLANKS[0], BLANKS[-1])
            ahead = below(end - at - LANES)
            if ahead:
                a_spaced = within(kinds, at + LANES, _FIRST, _LAST) & ahead
                a_mark, a_hyphen, a_sigil, a_dash = _marks(points, kinds, at + LANES, ahead)
                a_stop = within(kinds, at + LANES, STOP, STOP) & ahead
            else:
                a_spaced = a_mark = a_hyphen = a_sigil = a_dash = a_stop = none
            plain = mark & ~stop  # marks that may stand in threes: ... does not join
            a_plain = a_mark & ~a_stop
            b1, b2, b3 = before(spaced, l_spaced, 1), before(spaced, l_spaced, 2), before(spaced, l_spaced, 3)
            f1, f2, f3 = after(spaced, a_spaced, 1), after(spaced, a_spaced, 2), after(spaced, a_spaced, 3)
            mark_before, mark_after = before(mark, l_mark, 1), after(mark, a_mark, 1)
            joins = mark & (b1 & (f1 | mark_after & f2) | mark_before & b2 & f1)
            p1, p2 = before(plain, l_plain, 1), before(plain, l_plain, 2)
            q1, q2 = after(plain, a_plain, 1), after(plain, a_plain, 2)
            joins |= plain & (b1 & q1 & q2 & f3 | p1 & b2 & q1 & f2 | p2 & p1 & b3 & f1)
            letter_before = before(letter, l_letter, 1)
            joins |= hyphen & letter_before & digit_ahead
            not_alone = before(spaced | apostrophe, l_spaced | l_apostrophe, 2)
            joins |= stop & letter_before & ~not_alone & ~f1 & ~after(stop, a_stop, 1)
            joins |= dash & before(digit, l_digit, 1) & digit_ahead
            joins |= sigil & f1 & ~before(text, l_text, 1)
            clitic = apostrophe & letter_before & letter_ahead
            in_word = spaced | alone | joins | clitic
            in_before = before(in_word, l_in, 1)
            combining = spaced & within(kinds, at, MARK, MARK)
            goes_on = in_before & ((spaced | joins) & ~before(alone, l_alone, 1) | combining)
            if cut:
                goes_on |= within(kinds, at, HAN, HAN) & within(begins, at, 0, 0) & inside
            stop_alone, hyphen_alone = stop & ~in_word, hyphen & ~in_word
            stop_again = stop_alone & before(stop_alone, l_stop, 1)
            goes_on |= stop_again | hyphen_alone & before(hyphen_alone, l_hyphen, 1)
            goes_on |= dots & before(dots, l_dots, 1)
            first = text & ~goes_on
            past = before(text, l_text, 1) & (~text | first)

            # A word is all of the places of a token or none of them.
            tokens += count(first)
            words += count(first & in_word)
            chars += count(in_word)
            third = stop_again & before(stop_alone, l_stop, 2) & ~before(stop_alone, l_stop, 3)
            ellipses += count(first & dots) + count(third)
            alpha = within(kinds, at, _FIRST_ALPHA, _LAST_ALPHA) & inside
            alpha |= clitic & within(kinds, at + 1, _FIRST_ALPHA, _LAST_ALPHA)
            begins_alpha = alpha & (first | ~before(alpha, l_alpha, 1))  # letters with none before them: more than one a token?
            alphabetic += count(begins_alpha)
            again = begins_alpha & ~first
            while again:
                lower = (again & (~again + _ONE)) - _ONE
                began = at + highest(first & lower) if first & lower else last_first
                alphabetic -= (at + highest(alpha & lower) if alpha & lower else last_alpha) >= began
                again &= again - _ONE
            last_first = at + highest(first) if first else last_first
            last_alpha = at + highest(alpha) if alpha else last_alpha

            lone = np.uint64(0) if all_of_them else first & (past >> _ONE)  # begin here, and are over one place on
            n = _note(starts, n, first & ~lone, at)
            m = _note(stops, m, past & ~(lone << _ONE), at)
            l_spaced, l_letter, l_mark, l_plain, l_apostrophe, l_alone = spaced, letter, mark, plain, apostrophe, alone
            l_digit, l_in, l_text, l_stop, l_hyphen, l_dots = digit, in_word, text, stop_alone, hyphen_alone, dots
            l_alpha = alpha
            spaced, mark, hyphen, sigil, dash, stop = a_spaced, a_mark, a_hyphen, a_sigil, a_dash, a_stop
            at += LANES
        if m < n:
            stops[_u(m)] = end
            m += 1
        row = _u(rows[span])
        out[row, TOKENS] += tokens
        out[row, WORDS] += words
        out[row, WORD_CHARS] += chars
        out[row, ALPHABETIC] += alphabetic
        out[row, ELLIPSES] += ellipses
        token_bounds[span + 1] = n


@kernel
def find_longest(kinds, rows, starts, stops, token_bounds, out):
    """The characters of the longest word of each span's row."""
    for span in range(len(rows)):
        longest = out[rows[span], LONGEST]
        for k in range(token_bounds[span], token_bounds[span + 1]):
            length = np.int64(stops[_u(k)] - starts[_u(k)])
            if length > longest and is_word(kinds, starts[_u(k)], length):
                longest = length
        out[rows[span], LONGEST] = longest


@allocating
def hash_tokens(data, span_starts, span_stops, at, bounds, starts, stops, token_bounds, hashes, places):
    """Write a hash of each token, and the number of characters in all tokens before it. The other arrays: see `decode` and
    `find_tokens`. In short loops over some tokens at a time: they need few registers, and what they multiply are vectors."""
    total = np.int32(0)
    places[0] = 0
    for k in range(token_bounds[len(bounds) - 1]):
        total += stops[_u(k)] - starts[_u(k)]
        places[_u(k + 1)] = total
    highs = np.empty(_TOGETHER, np.uint64)
    long = np.empty(_TOGETHER, np.int64)
    near_end = len(data) - BLOCK
    for span in range(len(bounds) - 1):
        end = bounds[span + 1]
        base = span_starts[span]
        size = span_stops[span] - base
        for first in range(token_bounds[span], token_bounds[span + 1], _TOGETHER):
            some = min(token_bounds[span + 1] - first, _TOGETHER)
            others = 0
            for k in range(some):
                begin = np.int64(at[_u(starts[_u(first + k)])])
                past = np.int64(stops[_u(first + k)])
                length = (at[_u(past)] if past < end else size) - begin
                if (length > BLOCK) | (base + begin > near_end):
                    long[_u(others)] = first + k
                    others += 1
                    continue
                hashes[_u(first + k)], highs[_u(k)] = load_block(data, base + begin, length)
            for k in range(some):
                hashes[_u(first + k)] = mixed(hashes[_u(first + k)], highs[_u(k)])
            for k in range(others):
                token = _u(long[_u(k)])
                begin = np.int64(at[_u(starts[token])])
                past = np.int64(stops[token])
                hashes[token] = hash_bytes(data, base + begin, (at[_u(past)] if past < end else size) - begin)
