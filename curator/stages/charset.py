"""Bytes to text: which charset a page is in, and its characters.

The order is that of browsers (WHATWG Encoding and HTML standards): byte order mark, HTTP header, `<meta>` or XML declaration
in the first kilobytes, detection. Unlike a browser, a declaration is checked: the bytes decide between a label that fits
badly and what they look like. Bad bytes become U+FFFD and are counted; a character that the end of the payload cuts is dropped.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from resiliparse.parse.encoding import EncodingDetector, map_encoding_to_html5

MOST_BAD = 0.02  # of the characters beyond ASCII may be bad before a declared charset is doubted
MOST_BAD_AT_ALL = 0.2  # and before every charset is
PRESCAN = 4096  # bytes; the standard says 1024, Chinese portals of the 2000s put <meta> behind a screen of script
_SAMPLE = 64 << 10  # bytes from either end that detection sees
_MOST_REPAIRED = 1000  # bad places that are looked up in a neighbouring code page: bounds the calls back into Python

# From the standard's names to the Python codec that holds at least as much (gb2312 < gbk < gb18030, shift_jis < cp932 …).
_CODECS = {
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-11": "cp874",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "ascii": "cp1252",
}
# Labels that the standard turns away or does not know, and old pages use.
_LABELS = {
    "hz-gb-2312": "hz",
    "iso-2022-kr": "iso2022_kr",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-user-defined": "cp1252",
    "uhc": "cp949",
    "cp949": "cp949",
    "ms949": "cp949",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "cp950": "big5hkscs",
    "cp932": "cp932",
    "utf8mb4": "utf-8",
}
_MULTIBYTE = frozenset({"gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", "utf-8"})
_ESCAPED = {"iso2022_jp": (b"\x1b$", b"\x1b("), "iso2022_kr": (b"\x1b$)C",), "hz": (b"~{",)}
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
_META = re.compile(rb"<meta[\s/][^>]*", re.I)
_META_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([^\s\"'/>;]+)", re.I)
_XML = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"'>]+)", re.I)
_SEQUENCES = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


@dataclass(frozen=True)
class Decoded:
    text: str
    charset: str  # the Python codec that made the text
    replaced: int  # characters U+FFFD that stand for bad bytes


def decode(payload: bytes, declared: str | None = None, markup: bool = True) -> Decoded:
    """The text of a payload. `declared` is the HTTP header's charset; `markup` lets `<meta>` and `<?xml` speak too."""
    for mark, charset in _BOMS:
        if payload.startswith(mark):
            return _checked(payload[len(mark) :], [charset])
    labels = [declared, meta_charset(payload) if markup else None]
    return _checked(payload, [c for label in labels if label and (c := codec_of(label))])


def codec_of(label: str) -> str | None:
    """The Python codec for a label as headers and pages spell it, None for one that nobody knows (`iso-8559-1`)."""
    label = label.strip(" \t\n\r\f\"';,").lower()
    if label in _LABELS:
        return _LABELS[label]
    name = map_encoding_to_html5(label, fallback_utf8=False)
    return _CODECS.get(name, name) if name else None


def meta_charset(payload: bytes) -> str | None:
    """The label in `<meta charset>`, `<meta http-equiv content>` or `<?xml encoding>`; UTF-16 there means UTF-8, as browsers
    have it."""
    head = payload[:PRESCAN]
    found = _XML.match(head)
    if found is None:
        tags = _META.findall(_COMMENT.sub(b"", head))
        found = next((m for tag in tags if (m := _META_CHARSET.search(tag))), None)
    if found is None:
        return None
    label = found[1].decode("latin-1")
    return "utf-8" if (codec_of(label) or "").startswith("utf-16") else label


# --------------------------------------------------------------------------------------------------- deciding by the bytes


def _checked(payload: bytes, declared: list[str]) -> Decoded:
    """Decode with the first declared charset that fits, else with what fits best."""
    if payload.isascii():
        return _ascii(payload, declared)
    wide = _utf16(payload, declared)
    if wide:
        return _decoded(payload, wide)
    utf8 = _decoded(payload, "utf-8")
    if not utf8.replaced and _surely_utf8(payload, declared):
        return utf8
    tried = {"utf-8": utf8}
    for charset in declared:
        if charset.startswith("utf-16"):
            continue  # would have been found above
        tried[charset] = tried.get(charset) or _decoded(payload, charset)
        if _fits(tried[charset]):
            return tried[charset]
    if _fits(utf8):
        return utf8
    guess = detect(payload)
    if guess and guess not in tried:
        tried[guess] = _decoded(payload, guess)
    if guess and _fits(tried[guess]):
        return tried[guess]
    # Nothing fits: fewest bad characters, a declared charset first among equals. gb18030 is tried because detection gives up
    # on Chinese pages with a few bad bytes. Where even the best is mostly bad, a browser's answer is as good as any.
    tried.setdefault("gb18030", _decoded(payload, "gb18030"))
    best = min(tried.values(), key=lambda d: d.replaced)
    if best.replaced > MOST_BAD_AT_ALL * _beyond_ascii(best.text):
        return tried[declared[0]] if declared and declared[0] in tried else utf8
    return best


def _ascii(payload: bytes, declared: list[str]) -> Decoded:
    """Bytes under 128 are the same everywhere, but for the charsets that switch by escape sequences, and UTF-16."""
    for charset in [*declared, "iso2022_jp"]:
        if any(escape in payload for escape in _ESCAPED.get(charset, ())):
            return _decoded(payload, charset)
    wide = _utf16(payload, declared)
    if wide:
        return _decoded(payload, wide)
    same = next((c for c in declared if not c.startswith("utf-16") and c not in _ESCAPED), "utf-8")
    return Decoded(payload.decode("ascii"), same, 0)


def _utf16(payload: bytes, declared: list[str]) -> str | None:
    """UTF-16 shows in the zero bytes of its ASCII characters: markup, spaces, line ends. A mere label proves nothing."""
    head = payload[:PRESCAN]
    low, high = head[1::2].count(0), head[::2].count(0)  # zeros where little and where big endian has them
    enough = len(head) // (64 if any(c.startswith("utf-16") for c in declared) else 16)
    if low > enough and high * 8 < low:
        return "utf-16-le"
    if high > enough and low * 8 < high:
        return "utf-16-be"
    return None


def _surely_utf8(payload: bytes, declared: list[str]) -> bool:
    """Whether valid UTF-8 is believed against a label. Pairs of bytes may be valid by chance: a Chinese character in GBK is
    with probability 0.2, so four different ones with 0.002. Three bytes in a row that make one character hardly ever are."""
    if not declared or "utf-8" in declared or not any(c in _MULTIBYTE for c in declared):
        return True
    sequences = set(_SEQUENCES.findall(payload[: 1 << 16]))
    return len(sequences) >= 4 or any(len(s) > 2 for s in sequences)


def _fits(decoded: Decoded) -> bool:
    if not decoded.replaced:
        return True
    beyond = _beyond_ascii(decoded.text)
    return decoded.replaced <= max(MOST_BAD * beyond, 1 if beyond > 10 else 0)


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def detect(payload: bytes) -> str | None:
    """What uchardet makes of both ends of the payload."""
    detector = EncodingDetector()
    detector.update(payload[:_SAMPLE])
    if len(payload) > 2 * _SAMPLE:
        detector.update(payload[-_SAMPLE:])
    else:
        detector.update(payload[_SAMPLE:])
    name = detector.encoding(html5_compatible=False)
    return codec_of(name) if name else None


# ------------------------------------------------------------------------------------------------------------- decoding


def _decoded(payload: bytes, charset: str) -> Decoded:
    text = _decode_whole_characters(payload, charset, "replace")
    replaced = text.count("\ufffd")
    if replaced:
        replaced -= _written_replacements(payload, charset)
        if charset in _REPAIRS and 0 < replaced <= _MOST_REPAIRED:
            text = _decode_whole_characters(payload, charset, f"curator-{charset}")
            replaced = text.count("\ufffd") - _written_replacements(payload, charset)
    return Decoded(text, charset, max(replaced, 0))


def _decode_whole_characters(payload: bytes, charset: str, errors: str) -> str:
    """An incremental decoder that is never told of the end keeps back a character that is cut there."""
    return codecs.getincrementaldecoder(charset)(errors).decode(payload, False)


def _written_replacements(payload: bytes, charset: str) -> int:
    """How often the page itself holds U+FFFD."""
    if charset in ("utf-8", "gb18030"):
        return payload.count("\ufffd".encode(charset))
    if charset.startswith("utf-16"):
        marks = "\ufffd".encode(charset)
        return sum(1 for i in _all(payload, marks) if i % 2 == 0)
    return 0


def _all(payload: bytes, needle: bytes) -> list[int]:
    return [m.start() for m in re.finditer(re.escape(needle), payload)]


# Where Python's codecs lack what the standard's decoders (and so real pages) have.


def _gb18030_byte(data: bytes) -> tuple[str, int] | None:
    return ("\u20ac", 1) if data[:1] == b"\x80" else None  # the euro of Windows' code page 936


def _big5_pair(data: bytes) -> tuple[str, int] | None:
    return _pair(data[:2], "cp950")  # the ETEN extensions


def _euc_jp_pair(data: bytes) -> tuple[str, int] | None:
    """The NEC and IBM rows (①, ㈱, 髙), by way of code page 932: both number the same rows and cells."""
    if len(data) < 2 or data[0] < 0xA1 or data[1] < 0xA1:
        return None
    row, cell = data[0] - 0xA1, data[1] - 0xA1
    first = row // 2 + (0x81 if row < 62 else 0xC1)
    second = cell + (0x9F if row % 2 else 0x40 if cell < 63 else 0x41)
    return _pair(bytes((first, second)), "cp932")


def _pair(data: bytes, charset: str) -> tuple[str, int] | None:
    try:
        return data.decode(charset), 2
    except UnicodeDecodeError:
        return None


_REPAIRS = {"gb18030": _gb18030_byte, "big5hkscs": _big5_pair, "euc_jp": _euc_jp_pair}


def _register(charset: str) -> None:
    repair = _REPAIRS[charset]

    def handle(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        found = repair(error.object[error.start : error.start + 2])
        return (found[0], error.start + found[1]) if found and len(found[0]) == 1 else ("\ufffd", error.end)

    codecs.register_error(f"curator-{charset}", handle)


for _charset in _REPAIRS:
    _register(_charset)
