"""Bytes to text: which charset they are in, and their characters. The one decoder for pages, books, code and everything else.

The order is that of browsers (WHATWG Encoding and HTML standards): byte order mark, HTTP header, `<meta>`, XML declaration,
detection (by chardetng, which is Firefox's). Unlike a browser, a declaration is checked: the bytes decide between a label that
fits badly and what they look like, and a mark before bytes of which most are bad is none (a file of another editor that the
page's program takes in begins with one). Bad bytes become U+FFFD and are counted; a character that the end cuts is dropped.
"""

from __future__ import annotations

import codecs
import re
from functools import cached_property

from curator.charsets.decoding import Decoded, beyond_ascii, decoded_as
from curator.charsets.detection import detect, familiar, utf16_by_zeros
from curator.charsets.labels import codec_of, meta_charset
from curator.charsets.twice import unwound

__all__ = ["Decoded", "codec_of", "decode", "detect", "meta_charset"]

MOST_BAD = 0.02  # of the characters beyond ASCII may be bad before a declared charset is doubted
MOST_BAD_AT_ALL = 0.2  # and before every charset is
MOST_DAMAGED = 0.002  # of undeclared text may be bad before UTF-8 is doubted
FEWEST_TOLD = 16  # characters beyond ASCII: with fewer a declared charset that fits is believed
FAMILIAR = 0.12  # share of a language's commonest characters from which a text is in it: real ones have .3 to .6
MULTIBYTE = ("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949")
SAMPLE_BYTES = 64 << 10

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ESCAPED = {"iso2022_jp": (b"\x1b$", b"\x1b("), "iso2022_kr": (b"\x1b$)C",), "hz": (b"~{",)}
_ROWS = re.compile(rb"[\x80-\xff]{3,}")
_SEQUENCES = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


def decode(payload: bytes, declared: str | None = None, markup: bool = True) -> Decoded:
    """The text of a payload. `declared` is the HTTP header's charset; `markup` lets `<meta>` and `<?xml` speak too."""
    for mark, charset in _BOMS:
        if payload.startswith(mark):
            payload = payload[len(mark) :]
            found = decoded_as(payload, charset)
            if found.replaced <= MOST_BAD_AT_ALL * beyond_ascii(found.text):
                return unwound(found) if charset == "utf-8" else found
            break
    labels = [declared, meta_charset(payload) if markup else None]
    return _Judge(payload, [c for label in labels if label and (c := codec_of(label))]).judge()


class _Judge:
    """Weighs what is declared against what the bytes look like. What it has decoded once it keeps."""

    def __init__(self, payload: bytes, declared: list[str]) -> None:
        self.payload = payload
        self.declared = list(dict.fromkeys(declared))
        self.tried: dict[str, Decoded] = {}

    def judge(self) -> Decoded:
        wide = utf16_by_zeros(self.payload, any(c.startswith("utf-16") for c in self.declared))
        if wide:
            return self.as_(wide)
        if self.payload.isascii():
            return self.ascii()
        utf8 = self.as_("utf-8")
        if _fits(utf8) and self.surely_utf8():
            return unwound(utf8)
        for charset in self.declared:
            if charset.startswith("utf-16"):
                continue  # would have been found above
            found = self.as_(charset)
            if _fits(found):
                return found if charset == "utf-8" else self.unless_contradicted(found)
        return self.undeclared(utf8)

    def as_(self, charset: str) -> Decoded:
        if charset not in self.tried:
            self.tried[charset] = decoded_as(self.payload, charset)
        return self.tried[charset]

    def ascii(self) -> Decoded:
        """Bytes under 128 are the same everywhere, but for the charsets that switch by escape sequences."""
        for charset in [*self.declared, "iso2022_jp"]:
            if any(escape in self.payload for escape in _ESCAPED.get(charset, ())):
                return self.as_(charset)
        same = next((c for c in self.declared if not c.startswith("utf-16") and c not in _ESCAPED), "utf-8")
        return Decoded(self.payload, same, 0)

    def surely_utf8(self) -> bool:
        """Whether UTF-8 that fits is believed against a label. Two bytes may be valid by chance: a Chinese character of GBK is
        with probability 0.2, so four different ones with 0.002. Three bytes that make one character hardly ever are."""
        if not self.declared or "utf-8" in self.declared or not any(c in MULTIBYTE for c in self.declared):
            return True
        sequences = set(_SEQUENCES.findall(self.payload[: 1 << 16]))
        return len(sequences) >= 4 or any(len(s) > 2 for s in sequences)

    def unless_contradicted(self, found: Decoded) -> Decoded:
        """A declared charset that fits, unless the bytes clearly make another language's characters in another charset: any
        bytes fit windows-1251 and nearly any gb18030, and servers declare what their default is."""
        if beyond_ascii(found.text) < FEWEST_TOLD:
            return found
        if found.charset in MULTIBYTE and familiar(found.text) >= 2 * FAMILIAR:
            return found
        if found.charset == "cp1252" and self.guess not in ("cp1252", None) and self.not_western():
            return self.as_(self.guess) if _fits(self.as_(self.guess)) else found
        other = self.by_characters()
        if other is None or other.charset == found.charset:
            return found
        return other if familiar(other.text) >= max(FAMILIAR, 2 * familiar(found.text)) else found

    def not_western(self) -> bool:
        """Whether bytes above 127 mostly come three and more in a row, as letters of Western languages never do."""
        sample = self.payload[:SAMPLE_BYTES]
        return 2 * sum(map(len, _ROWS.findall(sample))) > sum(sample.translate(_HIGH))

    def undeclared(self, utf8: Decoded) -> Decoded:
        if self.declared and _fits(utf8):
            return utf8
        beyond = beyond_ascii(utf8.text) - utf8.replaced
        if utf8.replaced <= max(MOST_DAMAGED * len(utf8.text), 1) and beyond > utf8.replaced:
            return utf8
        likely = self.by_characters()
        if likely is not None and familiar(likely.text) >= FAMILIAR:
            return likely
        if _fits(utf8):
            return utf8
        if self.guess and _fits(self.as_(self.guess)):
            return self.as_(self.guess)
        # Nothing fits: fewest bad characters, a declared charset first among equals. Where even the best is mostly bad, a
        # browser's answer is as good as any.
        self.as_("gb18030")
        order = [*self.declared, *self.tried]
        best = min((self.tried[c] for c in order if c in self.tried), key=lambda d: d.replaced)
        if best.replaced > MOST_BAD_AT_ALL * beyond_ascii(best.text):
            return next((self.tried[c] for c in self.declared if c in self.tried), utf8)
        return best

    @cached_property
    def guess(self) -> str | None:
        return detect(self.payload)

    def by_characters(self) -> Decoded | None:
        """The East Asian charset in which the payload fits and has most of its languages' commonest characters. The detector
        is taken at its word where that fits: it tells by few characters. It gives up at one bad byte, so then all are tried."""
        guess = self.guess
        if guess in MULTIBYTE and _fits(found := self.as_(guess)) and familiar(found.text) >= FAMILIAR:
            return found
        sample = self.payload[:SAMPLE_BYTES]
        if sum(sample.translate(_HIGH)) < 2 * FEWEST_TOLD:
            return self.as_(guess) if guess in MULTIBYTE and _fits(self.as_(guess)) else None
        heads = {charset: decoded_as(sample, charset) for charset in MULTIBYTE}
        shares = {charset: familiar(head.text) for charset, head in heads.items() if _fits(head)}
        if not shares:
            return None
        best = max(shares, key=lambda charset: shares[charset])
        return self.as_(best) if shares[best] >= 2 * FAMILIAR and _fits(self.as_(best)) else None


_HIGH = bytes(int(byte > 127) for byte in range(256))


def _fits(decoded: Decoded) -> bool:
    if not decoded.replaced:
        return True
    beyond = beyond_ascii(decoded.text)
    return decoded.replaced <= max(MOST_BAD * beyond, 1 if beyond > 10 else 0)
