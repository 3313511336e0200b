"""Project Gutenberg's header, licence and footer around a book, in their wrappings from 1991 to now."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MENTION = re.compile(r"project gutenberg", re.IGNORECASE)
_START = re.compile(
    r"^[ \t]*\*{3}[ \t]*START OF (?:THE|THIS) (?:PROJECT GUTENBERG|COPYRIGHTED)"
    r"(?:[^\n*]{0,300}+\n[^\n*]{0,200}\*{3}[ \t]*$|[^\n]{0,300}+$)"
    r"|^[^\n]{0,80}\*END[ \t*]{1,10}THE SMALL PRINT![^\n]{0,300}+$"  # before
    r"|^To contact Project Gutenberg of Australia[^\n]{0,300}+(?:\s{0,20}+[-=_]{3,}[ \t]*)?$",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(
    r"^[ \t]*\*{3}[ \t]*END OF (?:THE|THIS) (?:PROJECT GUTENBERG|COPYRIGHTED)[^\n]{0,300}+$"
    r"|^[ \t]*(?:This is the |The )?End of (?:the |this )?(?:Project Gutenberg|PG)[^\n]{0,300}+$"
    r"|^[ \t]*(?:Ende|Fine?|Fim|Einde) (?:[^\W\d_]{1,6}[ \t]|l'){0,2}"
    r"Pro(?:je[ck]?te?|jeto|getto|yecto)[ -]Gutenberg[^\n]{0,300}+$"
    r"|^[ \t]*\*{3}[ \t]*START: FULL LICENSE[^\n]{0,100}+$",
    re.IGNORECASE | re.MULTILINE,
)
_TITLE = re.compile(r"[ \t\ufeff]*(?:The )?Project Gutenberg(?:'s)? E?(?:-?text|book) of [^\n]{1,200}\n", re.IGNORECASE)
_CREDIT = re.compile(
    r"\s*(?:produced by|e-?text prepared by|transcribed (?:from|by)|this etext was (?:produced|prepared)|prepared by"
    r"|scanned (?:and|by)"
    r"|html version by|note: project gutenberg)\b",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^(Title|Author):[ \t]*([^\n]{1,300})((?:\n[ \t]{2,}[^\n]{1,200}){0,3})", re.MULTILINE)
_NUMBER = re.compile(r"\[e(?:Book|text) #\s?(\d{1,7})\]", re.IGNORECASE)
_HEAD_CHARS = 30_000  # the longest headers, of the 1990s, have some 15,000 characters


@dataclass(frozen=True)
class Book:
    text: str
    title: str | None = None
    author: str | None = None
    number: str | None = None  # of the eBook
    wrapped: bool = False  # a header or a footer was found


def unwrap(text: str) -> Book:
    """The book alone, and what its header says; text that is not from Project Gutenberg comes back as it is. A text may have
    the header alone, or the footer, as the first and the last chapter of an EPUB."""
    if not _MENTION.search(text, 0, _HEAD_CHARS) and not _MENTION.search(text, max(len(text) - _HEAD_CHARS, 0)):
        return Book(text)
    starts = list(_START.finditer(text, 0, _HEAD_CHARS))
    first = _TITLE.match(text)
    begin = starts[-1].end() if starts else first.end() if first else 0
    end = _END.search(text, begin)
    if not starts and not end:
        return Book(text)
    fields = {m[1]: " ".join((m[2] + m[3]).split()) for m in _FIELD.finditer(text[:begin])}
    number = _NUMBER.search(text, 0, max(begin, 2000))
    body = text[begin : end.start() if end else len(text)]
    return Book(
        _without_credits(body).strip("\r\n \t*"),
        fields.get("Title"),
        fields.get("Author"),
        number[1] if number else None,
        wrapped=True,
    )


def _without_credits(body: str) -> str:
    """The transcribers' note at the beginning goes: its paragraph, or its line in a file without blank lines."""
    body = body.lstrip()
    if _CREDIT.match(body):
        end = _BLANK.search(body, 0, 1000) or _LINE_END.search(body)
        body = body[end.end() :] if end else ""
    return body


_BLANK = re.compile(r"\n[ \t]*\n")
_LINE_END = re.compile(r"\n|$")
