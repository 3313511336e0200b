"""Digits and signs above and below the line, in characters: plain text has no other way to tell 10⁵ from 105."""

from __future__ import annotations

import re
from typing import AnyStr

SUPERSCRIPT = str.maketrans("0123456789+-−–", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻")
SUBSCRIPT = str.maketrans("0123456789+-−–", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋")
_NUMBER = re.compile(r"<(su[pb])((?:\s[^<>]{0,200})?)>([0-9+−–-]{1,6})</\1>(?!\s{0,20}</a)", re.IGNORECASE)
_NOTE = re.compile(r"note|fnanchor|pagenum|pagebreak", re.IGNORECASE)


def raised(page: AnyStr) -> AnyStr:
    """HTML with powers and indices in such characters; marks of notes stay as they are, to be left out. Bytes are UTF-8."""
    if isinstance(page, bytes):
        return raised(page.decode("utf-8", "replace")).encode() if b"<su" in page or b"<SU" in page else page
    return _NUMBER.sub(_character, page) if "<su" in page or "<SU" in page else page


def _character(found: re.Match[str]) -> str:
    if _NOTE.search(found[2]):
        return found[0]
    return found[3].translate(SUPERSCRIPT if found[1].lower() == "sup" else SUBSCRIPT)
