"""Chinese that was encoded twice: its bytes taken for Latin letters, and those written as UTF-8. It is what a converter leaves
that never asked which charset a page was in."""

from __future__ import annotations

import re
from contextlib import suppress

from curator.charsets.decoding import Decoded, decoded_as
from curator.charsets.detection import SAMPLE_BYTES, familiar

LATIN = ("iso8859-15", "cp1252", "latin-1")
CHINESE = ("gb18030", "big5hkscs")
FEWEST = 32  # letters of the upper half of Latin-1: fewer are a few foreign names
_LOWER = 8  # for so many of its letters there is one of its signs at least; Latin languages hardly use those
_ROW = re.compile(rb"(?:[\xc2\xc3][\x80-\xbf]){4}")  # letters that stand together in no Latin text
FAMILIAR = 0.24  # share of the commonest characters, twice what any text of a language has at least


def unwound(found: Decoded) -> Decoded:
    """What `found`, which was read as UTF-8, said before it was encoded a second time; itself where nothing speaks for that.

    The evidence is strong: the whole text fits a Latin charset, its bytes fit a Chinese one without a fault, and the
    characters that come out are the commonest.
    """
    upper = found.utf8.count(b"\xc3", 0, SAMPLE_BYTES)
    if (
        upper < FEWEST
        or found.utf8.count(b"\xc2", 0, SAMPLE_BYTES) * _LOWER < upper
        or not _ROW.search(found.utf8, 0, SAMPLE_BYTES)
    ):
        return found
    for latin in LATIN:
        with suppress(UnicodeEncodeError):
            payload = found.text.encode(latin)
            tried = [again for charset in CHINESE if not (again := decoded_as(payload, charset)).replaced]
            best = max(tried, key=lambda again: familiar(again.text), default=found)
            return best if familiar(best.text) >= FAMILIAR else found
    return found
