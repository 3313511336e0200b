"""Private data in the columns beside the text: what of a URL or of metadata is looked at, and how what replaces it is written.

A field is looked at in parts, each after what says what it is (`mobile: 138…` of metadata, `mobile=138…` of a query), and
everything between the parts stays byte for byte. Each pattern reads a field once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_plus

MOST_SAID = 64  # characters of the key before a value
IN_PATH = "<>:@!$'()*,;=-._~"  # what a segment of a path may hold as it is (RFC 3986), and the brackets of placeholders
IN_QUERY = f"/?{IN_PATH}"


class Part(NamedTuple):
    """Characters `start` to `end` of a field: the value they write, and what stands before and behind it to tell it by."""

    start: int
    end: int
    before: str
    value: str
    after: str
    written: Callable[[str], str]  # a new value, as the field writes it
    entities: frozenset[str] | None = None  # that are looked for; all of them, unless given

    @property
    def text(self) -> str:
        return self.before + self.value + self.after


Parts = Callable[[str], Iterator[Part]]

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}://([^/?#@\s]{1,200})@")
_PATH = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{0,31}:)?//[^/?#]*(/[^?#]*)|(/[^?#]*)")
_BEHIND_PATH = re.compile(r"[?#]")
_SEGMENT = re.compile(r"[^/]+")
# In a path most long numbers are those of articles: which are somebody's, the segment before or the word at the beginning says.
_OF_SOMEBODY = re.compile(
    r"(?i)(?:users?|u|members?|profiles?|people|person|accounts?|authors?|contacts?|tel|phones?|mobiles?|cell|call|sms|whatsapp"
    r"|wechat|weixin|wx|vx|qq)(?:\Z|[-_=:]?(?=\+?[0-9]))"
)
_SELF_EVIDENT = frozenset({"email", "id_card"})
_BEHIND_WORD = _SELF_EVIDENT | {"phone", "qq", "wechat"}
_PERHAPS = re.compile(r"@|%40|[0-9]{5}")  # what a segment without holds nothing
_PARAMETER = re.compile(r"([^?&;#=]*=)?([^?&;#]+)")


def _of_plain(title: str) -> Iterator[Part]:
    yield Part(0, len(title), "", title, "", str)


def _of_url(url: str) -> Iterator[Part]:
    """User and password, the segments of the path, in which few things are looked for, and the values behind it: what else
    host and path say names the document, and stays."""
    if authority := _AUTHORITY.match(url):
        yield Part(*authority.span(1), "://", authority[1], "@host", str)
    if path := _PATH.match(url):
        yield from _of_path(url, *path.span(path.lastindex or 0))
    if behind := _BEHIND_PATH.search(url):
        for each in _PARAMETER.finditer(url, behind.end()):
            before = unquote_plus(each[1] or "")[-MOST_SAID:]
            yield Part(*each.span(2), before, unquote_plus(each[2]), "", _as_query)


def _of_path(url: str, start: int, stop: int) -> Iterator[Part]:
    before = ""
    for each in _SEGMENT.finditer(url, start, stop):
        if _PERHAPS.search(each[0]):
            value = unquote(each[0])
            named = (word := _OF_SOMEBODY.fullmatch(before)) or _OF_SOMEBODY.match(value)
            entities = _BEHIND_WORD if named else _SELF_EVIDENT
            yield Part(*each.span(), f"{word[0]}: " if word else "", value, "", _as_segment, entities)
        before = each[0][-MOST_SAID:]


def _as_segment(value: str) -> str:
    return quote(value, safe=IN_PATH)


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
