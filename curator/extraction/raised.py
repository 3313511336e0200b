"""Digits and signs above and below the line, in characters: plain text has no other way to tell 10⁵ from 105."""

from __future__ import annotations

import re

SUPERSCRIPT = str.maketrans("0123456789+-−–", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻")
SUBSCRIPT = str.maketrans("0123456789+-−–", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋")
_NUMBER = re.compile(r"<(su[pb])((?:\s[^<>]{0,200})?)>([0-9+−–-]{1,6})</\1>(?!\s{0,20}</a)", re.IGNORECASE)
_NOTE = re.compile(r"note|fnanchor|pagenum|pagebreak", re.IGNORECASE)


def raised(page: str) -> str:
    """HTML with powers and indices in such characters; marks of notes stay as they are, to be left out."""
    return _NUMBER.sub(_character, page) if "<su" in page or "<SU" in page else page


def _character(found: re.Match[str]) -> str:
    if _NOTE.search(found[2]):
        return found[0]
    return found[3].translate(SUPERSCRIPT if found[1].lower() == "sup" else SUBSCRIPT)
