"""What a page says of itself, as markup in one form: names in lower case, values in double quotes, references resolved.

`<meta>`, `<link>`, `<title>`, `<time>`, `<body>`, the first heading, types of microdata, and what stands behind some names in
scripts: all that `about` and `kind` ask for, and hardly more.
"""

from __future__ import annotations

import numpy as np

from curator.extraction.grammar import NUMBER
from curator.extraction.tokens import LESS, QUOTE, attribute, find, name_at
from curator.extraction.written import GROWTH, NO, YES, write
from curator.metrics.compiled import inner
from curator.metrics.vectors import copy

MOST = 4 << 20  # bytes
_TITLE, _H1, _SCRIPT = (NUMBER[name] for name in ("title", "h1", "script"))
_LONGEST = 8000  # bytes of a title or a heading
_RESERVE = (GROWTH + 1) * _LONGEST
_REACH = 1500  # bytes behind a name in a script that are kept


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


_ASKED = _bytes('"@type"\n"author"\n"datePublished"\n')  # each with a line's end behind it
_END_TITLE, _START_H1, _END_H1, _ITEMTYPE, _EQUALS, _ENDS = map(
    _bytes, ("</title>", "<h1>", "</h1>", ' itemtype="', '="', '">')
)


def room(size: int) -> np.ndarray:
    """For a page of so many bytes."""
    return np.empty(min((GROWTH + 1) * size, MOST) + _RESERVE, np.uint8)


@inner
def fits(notes, noted, length):
    """Whether a tag of this length can be noted."""
    return noted + (GROWTH + 1) * length + _RESERVE <= len(notes)


@inner
def _put(what, notes, noted):
    copy(notes, noted, what, 0, len(what))
    return noted + len(what)


@inner
def note_type(page, begin, end, notes, noted):
    """A type of microdata, whatever element has it."""
    noted = write(page, begin, end, notes, _put(_ITEMTYPE, notes, noted), YES)
    return _put(_ENDS, notes, noted)


@inner
def note(page, name, begin, end, content, size, notes, noted):
    """An element whose tag is page[begin:end]; what holds no markup goes on up to `content`."""
    if name == _SCRIPT:
        return _asked(page, end, content, notes, noted)
    if name == _H1:
        return _heading(page, end, size, notes, noted)
    _, at = name_at(page, begin + 1, end)
    noted = _lower(page, begin, at, notes, noted)
    while True:
        first, behind, value, stop, at = attribute(page, at, end)
        if first == behind:
            break
        notes[noted] = 32
        noted = _put(_EQUALS, notes, _lower(page, first, behind, notes, noted + 1))
        noted = write(page, value, stop, notes, noted, YES)
        notes[noted] = 34
        noted += 1
    notes[noted] = 62
    noted += 1
    if name == _TITLE:
        noted = write(page, end, min(content, end + _LONGEST), notes, noted, NO)
        noted = _put(_END_TITLE, notes, noted)
    return noted


@inner
def _lower(page, at, end, notes, noted):
    for i in range(at, end):
        notes[noted] = page[i] | 32 if 65 <= page[i] <= 90 else page[i]
        noted += 1
    return noted


@inner
def _heading(page, at, size, notes, noted):
    """The first heading with the tags in it."""
    stop = min(size, at + _LONGEST)
    end = find(page, at, stop, LESS)
    while end < stop and not (page[end + 1] == 47 and page[end + 2] | 32 == 104 and page[end + 3] == 49):
        end = find(page, end + 1, stop, LESS)
    if end == stop:
        return noted
    noted = _put(_START_H1, notes, noted)
    copy(notes, noted, page, at, end - at)
    return _put(_END_H1, notes, noted + end - at)


@inner
def _asked(page, at, end, notes, noted):
    """What stands behind the names that are asked for, in a script."""
    until = at
    at = find(page, at, end, QUOTE)
    while at < end:
        if _is_asked(page, at, end):
            stop = min(at + _REACH, end)
            if noted + stop - at + _RESERVE >= len(notes):
                return noted
            if at > until:
                until = at
                notes[noted] = 10
                noted += 1
            copy(notes, noted, page, until, stop - until)
            noted += stop - until
            until = stop
        at = find(page, at + 1, end, QUOTE)
    return noted


@inner
def _is_asked(page, at, end):
    first, following = 0, page[at + 1]
    if following != 64 and following != 97 and following != 100:  # @ a d
        return False
    for i in range(len(_ASKED)):
        if _ASKED[i] == 10:
            if i - first <= end - at:
                same = True
                for j in range(i - first):
                    if page[at + j] != _ASKED[first + j]:
                        same = False
                        break
                if same:
                    return True
            first = i + 1
    return False
