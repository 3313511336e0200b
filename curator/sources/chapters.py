"""A long plain text cut into chapters at their headings or, without any, into parts at paragraph borders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CHINESE_NUMBER = "0-9０-９零〇○一二三四五六七八九十百千两兩廿卅"
_COUNTERS = "回章卷節节部集篇幕折則则話话講讲"
_TITLE = r"(?:[ \t\u3000：:][^\n。！？]{0,40})?"
_CHINESE = (
    rf"(?:正文[ \t\u3000]*)?第[ \t\u3000]?[{_CHINESE_NUMBER}]{{1,9}}[ \t\u3000]?"
    rf"(?:[{_COUNTERS}](?:[ \t\u3000：:、.．]|$)[^\n。！？]{{0,60}}|章[^\n。！？，,；;：:“”…]{{1,30}})"  # novels: 第一章相逢
    rf"|【第[{_CHINESE_NUMBER}]{{1,9}}[{_COUNTERS}][^】\n]{{0,40}}】[^\n。！？]{{0,40}}"
    rf"|卷[之]?[{_CHINESE_NUMBER}上中下]{{1,6}}(?:[ \t\u3000：:]|$)[^\n。！？]{{0,40}}"
    rf"|(?:楔子|序章|终章|終章|尾声|尾聲|引子|後記|后记|序言|自序|大结局|大結局){_TITLE}"
    rf"|番外篇?[ \t\u3000]?[{_CHINESE_NUMBER}上中下]{{0,4}}{_TITLE}"
)
_WESTERN = (
    r"(?:CHAPTER|Chapter|BOOK|Book|PART|Part|LETTER|CANTO|Canto|ACT|SCENE|STAVE|VOLUME|CHAPITRE|KAPITEL)[ \t]+"
    r"(?:[IVXLCDM]{1,8}|[0-9]{1,4}|(?:the[ \t]+)?[A-Z][A-Za-z-]{2,16})(?:[ \t]*[.:—–-][^\n]{0,90}|[ \t]*)"
    r"|(?:CHAPTER|Chapter)[ \t]+(?:[IVXLCDM]{1,8}|[0-9]{1,4})[ \t]+[A-Z][^\n.!?;,]{0,60}"
    r"|(?:PROLOGUE|EPILOGUE|PREFACE|INTRODUCTION)[.:]?"
)
_HEADING = re.compile(rf"^[ \t\u3000]*(?:{_CHINESE}|{_WESTERN})[ \t\u3000\r]*$", re.MULTILINE)
CHAPTER_CHARS = 200  # nearer headings are a table of contents
_BLANK = re.compile(r"\n[ \t\u3000\r]*\n")


@dataclass(frozen=True)
class Chapter:
    number: int
    heading: str | None
    text: str


def cut(text: str, part_chars: int) -> list[Chapter]:
    """Chapters in order; numbers begin at 0 with what stands before the first heading, at 1 with the first heading.

    A chapter above `part_chars` is cut into parts at paragraph borders. Every part has a number of its own.
    """
    pieces: list[tuple[str | None, str]] = []
    borders = _headings(text)
    if not borders or text[: borders[0][0]].strip():
        pieces.append((None, text[: borders[0][0]] if borders else text))
    for (start, heading), (end, _) in zip(borders, [*borders[1:], (len(text), "")]):
        pieces.append((heading, text[start:end]))
    first = 0 if pieces and pieces[0][0] is None and borders else 1
    chapters: list[Chapter] = []
    for heading, piece in pieces:
        for part in parts(piece, part_chars):
            if part.strip():
                chapters.append(Chapter(first + len(chapters), heading, part))
    return chapters


def of_one_kind(text: str) -> list[tuple[str | None, str]]:
    """Headings and texts of chapters in one page: cut only at what is called as the first heading is (第…章 beside 第…章), for
    sections of a chapter stay in it. What stands before the first is part of it if it is no longer than a title."""
    first = _HEADING.search(text)
    if first is None:
        return [(None, text)]
    borders = _headings(text, _kind(first[0]))
    if len(borders) < 2:
        return [(None, text)]
    if borders[0][0] > CHAPTER_CHARS:
        borders.insert(0, (0, ""))
    starts = [0, *(start for start, _ in borders[1:])]
    return [(heading or None, text[start:end]) for (_, heading), start, end in zip(borders, starts, [*starts[1:], len(text)])]


_KIND = re.compile(rf"第[ \t\u3000]?[{_CHINESE_NUMBER}]{{1,9}}[ \t\u3000]?([{_COUNTERS}])|[^\W\d_]+")


def _kind(heading: str) -> str:
    found = _KIND.search(heading)
    return (found[1] or found[0]).lower() if found else ""


def is_heading(line: str) -> bool:
    return _HEADING.fullmatch(line) is not None


def _headings(text: str, kind: str | None = None) -> list[tuple[int, str]]:
    """Headings with at least CHAPTER_CHARS of text before the next one: lines of a table of contents are not."""
    found = [(m.start(), " ".join(m[0].split())) for m in _HEADING.finditer(text) if kind is None or _kind(m[0]) == kind]
    ends = [start for start, _ in found[1:]] + [len(text)]
    kept = [(start, name) for (start, name), end in zip(found, ends) if end - start - len(name) >= CHAPTER_CHARS]
    return kept if len(kept) >= 2 else []


def parts(text: str, most: int) -> Iterator[str]:
    """Parts of at most `most` characters, cut at the last blank line, line or sentence that fits."""
    at = 0
    while len(text) - at > most:
        end = _border(text, at + most // 2, at + most)
        yield text[at:end]
        at = end
    yield text[at:]


def _border(text: str, earliest: int, latest: int) -> int:
    blanks = [blank.end() for blank in _BLANK.finditer(text, earliest, latest)]
    if blanks:
        return blanks[-1]
    for mark in ("\n", "。", ". ", " "):
        place = text.rfind(mark, earliest, latest)
        if place >= 0:
            return place + len(mark)
    return latest
