"""The text of a paper once its commands are gone: quotes, dashes and blanks as a reader has them; names of authors."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_QUOTES = (
    (re.compile(r"``|,,(?=\w)"), "“"),
    (re.compile(r"''|(?<=[\w.,!?])\"(?=[\s.,;)])"), "”"),
    (re.compile(r"---"), "—"),
    (re.compile(r"(?<!-)--(?!-)"), "–"),
    (re.compile(r"(?<![\w`])`(?=\w)"), "‘"),
    (re.compile(r"(?<=\w)'"), "’"),
)
# What is kept as it is (formulas, code) has these instead of its own, so that no rule on quotes or blanks touches it.
_HIDDEN = {" ": "\ue002", "\n": "\ue003", "`": "\ue004", "'": "\ue005", "-": "\ue006", '"': "\ue007", ",": "\ue008"}
_HIDE = str.maketrans(_HIDDEN)
_SHOW = str.maketrans({hidden: shown for shown, hidden in _HIDDEN.items()})


def keep(text: str) -> str:
    """`text` as `quoted` and `tidy` leave it alone; `tidy` shows it again."""
    return text.translate(_HIDE)


def quoted(text: str) -> str:
    """TeX's signs for quotes and dashes as the characters that it prints."""
    for pattern, mark in _QUOTES:
        text = pattern.sub(mark, text)
    return text


def accented(found: Sequence[str], at: int, end: int, mark: str) -> tuple[str, int]:
    """The letter at `at`, in braces or not, with its accent and what its token goes on with; and what follows it. Nothing where
    no letter stands."""
    after = at
    while after < end and found[after] == "{":
        after += 1
    letter = found[after] if after < end else ""
    if letter[:1] == "\\":
        letter = {"\\i": "i", "\\j": "j"}.get(letter, "")
    if not letter[:1].isalpha():
        return "", at
    return unicodedata.normalize("NFC", letter[0] + mark) + letter[1:], after + 1


def tidy(text: str) -> str:
    """One paragraph a line, one blank line between, no blanks before a full stop."""
    paragraphs = []
    for paragraph in re.split(r"\n[ \t]*\n\s*", text):
        lines = (" ".join(line.split()) for line in paragraph.split("\n"))
        joined = "\n".join(re.sub(r" +(?=[,.;:)\]]( |$))", "", line) for line in lines if line)
        if joined:
            paragraphs.append(joined)
    return "\n\n".join(paragraphs).translate(_SHOW).strip()


def tidy_source(text: str) -> str:
    return re.sub(r"\n\s*\n\s*", "\n\n", re.sub(r"(?<![ \t])[ \t]+\n", "\n", text)).strip()


def names(text: str) -> list[str]:
    """Single names of an `\\author`: split at `\\and`, commas and `and`, without the marks of affiliations."""
    plain = re.sub(r"\$[^$]{0,60}\$|\[[\d, ]{1,20}\]|[*†‡§¶\d]+(?=\W|$)", " ", text.translate(_SHOW))
    found = [" ".join(name.split()).strip(" ,;&") for name in re.split(r",|;|\n|\band\b| & ", plain)]
    return [name for name in found if 1 < len(name) <= 60 and any(c.isalpha() for c in name) and "@" not in name]
