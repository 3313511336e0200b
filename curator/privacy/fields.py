"""Private data in the columns beside the text: what of a URL or of metadata is looked at, and how what replaces it is written.

A field is looked at in parts, each after what says what it is (`mobile: 138…` of metadata, `mobile=138…` of a query), and
everything between the parts stays byte for byte. Each pattern reads a field once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

MOST_SAID = 64  # characters of the key before a value
IN_QUERY = "<>/?:@!$'()*,;=-._~"  # what a query may hold as it is (RFC 3986), and the brackets of placeholders


class Part(NamedTuple):
    """Characters `start` to `end` of a field: the value they write, and what stands before and behind it to tell it by."""

    start: int
    end: int
    before: str
    value: str
    after: str
    written: Callable[[str], str]  # a new value, as the field writes it

    @property
    def text(self) -> str:
        return self.before + self.value + self.after


Parts = Callable[[str], Iterator[Part]]

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}://([^/?#@\s]{1,200})@")
_BEHIND_PATH = re.compile(r"[?#]")
_PARAMETER = re.compile(r"([^?&;#=]*=)?([^?&;#]+)")


def _of_plain(title: str) -> Iterator[Part]:
    yield Part(0, len(title), "", title, "", str)


def _of_url(url: str) -> Iterator[Part]:
    """User and password, and the values behind the path: host and path name the document, and stay."""
    if authority := _AUTHORITY.match(url):
        yield Part(*authority.span(1), "://", authority[1], "@host", str)
    if behind := _BEHIND_PATH.search(url):
        for each in _PARAMETER.finditer(url, behind.end()):
            before = unquote_plus(each[1] or "")[-MOST_SAID:]
            yield Part(*each.span(2), before, unquote_plus(each[2]), "", _as_query)


def _as_query(value: str) -> str:
    return quote(value, safe=IN_QUERY)


# A string, perhaps one that never ends, and whether it is a key; or a whole number that is long enough to be somebody's.
_LITERAL = re.compile(r'(")(?:[^"\\]|\\.)*+(?:"|\\?\Z)(\s*:)?|(?<![0-9.eE+-])[0-9]{7,19}(?![0-9.eE])', re.DOTALL)


def _of_metadata(metadata: str) -> Iterator[Part]:
    """The values of a JSON text, strings and whole numbers, each after the key it stands under; a number becomes a string."""
    key = ""
    for each in _LITERAL.finditer(metadata):
        value = each[0] if each[1] is None else _string(each[0].rstrip(": \t\r\n"))
        if each[2] is not None:
            key = f"{value[-MOST_SAID:]}: "
        else:
            yield Part(*each.span(), key, value, "", _as_json)


def _string(literal: str) -> str:
    """What a JSON string says; half a surrogate pair is no character, and is a question mark."""
    try:
        return json.loads(literal, strict=False).encode(errors="replace").decode()
    except ValueError:
        return literal[1:-1]


def _as_json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


FIELDS: Mapping[str, Parts] = {"title": _of_plain, "url": _of_url, "metadata": _of_metadata}
