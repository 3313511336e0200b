"""Text files without a declared charset, decoded: byte order mark, UTF-8, then the East Asian charsets by detection."""

from __future__ import annotations

import codecs

from resiliparse.parse.encoding import detect_encoding

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CANDIDATES = ("gb18030", "big5hkscs", "shift_jis", "euc_jp", "euc_kr", "windows-1252")
_COMMON = (
    "的一是不了在人有我他這这個个中來来上大為为和國国地到以說说時时要就出會会可也你對对生能而子那得之其者曰，。、"
    "のはをにたがてと이다는을에"
)
_SAMPLE_BYTES = 64 << 10
_MOST_BAD = 0.002  # of a text's characters: one with fewer bad bytes is UTF-8 that was damaged


def decoded(data: bytes) -> tuple[str, str, int]:
    """`(text, charset, replaced)`; bad bytes become U+FFFD and are counted."""
    for mark, charset in _MARKS:
        if data.startswith(mark):
            return _decode(data[len(mark) :], charset)
    try:
        return data.decode("utf-8"), "utf-8", 0
    except UnicodeDecodeError:
        text, charset, replaced = _decode(data, "utf-8")
        if replaced <= max(_MOST_BAD * len(text), 1) and not text.isascii() and replaced < sum(c > "\x7f" for c in text):
            return text, charset, replaced
    charset = _likeliest(data)
    return _decode(data, charset)


def _likeliest(data: bytes) -> str:
    """The charset in which the sample has the fewest bad bytes and then the most of the commonest characters; the
    detector's choice breaks ties. Alone it takes long Big5 texts for GB18030, which decodes nearly anything."""
    sample = data[:_SAMPLE_BYTES]
    best, most = "gb18030", (-1.0, -1.0)
    for charset in dict.fromkeys((_detected(sample), *_CANDIDATES)):
        text = sample.decode(charset, "replace")
        size = max(len(text), 1)
        score = (-round(text.count("\ufffd") / size, 2), sum(map(text.count, _COMMON)) / size)
        if score > most:
            best, most = charset, score
    return best


def _detected(data: bytes) -> str:
    try:
        return codecs.lookup(detect_encoding(data) or "gb18030").name
    except LookupError:
        return "gb18030"


def _decode(data: bytes, charset: str) -> tuple[str, str, int]:
    text = data.decode(charset, "replace")
    return text, charset, text.count("\ufffd")
