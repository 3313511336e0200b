"""What was encoded twice: its bytes taken for Latin letters, and those written as UTF-8. It is what a converter leaves that
never asked which charset a page was in, or a database whose tables are in Latin-1. Those give a page of which parts were
encoded twice, in a template that was not."""

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


# UTF-8 of UTF-8. Of an East Asian character's three bytes the first is a Latin letter (ã to ï), each other a letter or sign of
# windows-1252, as browsers have it: bytes under A0 that it lacks are themselves.
FEWEST_SEQUENCES = 12
FEWEST_DIFFERENT = 8  # French sets a no-break space and a quotation mark behind an é: one character, many times
_WESTERN = [bytes((byte,)).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xC0)]
_FOLLOWING = "|".join(re.escape(sign) for sign in dict.fromkeys([*_WESTERN, *map(chr, range(0x80, 0xC0))]))
_BYTES = {ord(sign): 0x80 + i for i, sign in enumerate(_WESTERN)}
_SEQUENCE = re.compile(b"\xc3[\xa3-\xaf](?:%b){2}" % _FOLLOWING.encode())
_LEADS = ("\xc2-\xdf", "\xe0-\xef", "\xf0-\xf4")
_TWO, _THREE, _FOUR = (f"[{lead}](?:{_FOLLOWING}){{{i}}}" for i, lead in enumerate(_LEADS, 1))
# Two characters alone may be what they seem (`É…`), but for those that begin with Â and Ã.
_RUN = re.compile(f"(?:[\xc2\xc3](?:{_FOLLOWING})|{_THREE}|{_FOUR})(?:{_TWO}|{_THREE}|{_FOUR})*")


def unwound(found: Decoded) -> Decoded:
    """What `found`, which was read as UTF-8, said before it was encoded a second time; itself where nothing speaks for that."""
    return _utf8_of_utf8(found) or _utf8_of_chinese(found)


def _utf8_of_utf8(found: Decoded) -> Decoded | None:
    """The parts that were encoded twice, if they are of an East Asian language: its commonest characters come out of them."""
    if found.utf8.count(b"\xc3", 0, SAMPLE_BYTES) < FEWEST_SEQUENCES:
        return None
    sequences = _SEQUENCE.findall(found.utf8, 0, SAMPLE_BYTES)
    if len(sequences) < FEWEST_SEQUENCES or len(set(sequences)) < FEWEST_DIFFERENT:
        return None
    if familiar("".join(_once(sequence.decode()) for sequence in sequences)) < FAMILIAR:
        return None
    return Decoded(_RUN.sub(lambda run: _once(run[0]), found.text), "utf-8", found.replaced)


def _once(run: str) -> str:
    try:
        return run.translate(_BYTES).encode("latin-1").decode()
    except UnicodeDecodeError:
        return run


def _utf8_of_chinese(found: Decoded) -> Decoded:
    """The evidence is strong: the whole text fits a Latin charset, its bytes fit a Chinese one without a fault, and the
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
