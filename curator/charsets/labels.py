"""What charsets are called: labels as headers and pages spell them, and where a page says its own."""

from __future__ import annotations

import re
from functools import lru_cache

from resiliparse.parse.encoding import map_encoding_to_html5

PRESCAN = 4096  # bytes; the standard says 1024, Chinese portals of the 2000s put <meta> behind a screen of script

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
    "x-mac-ukrainian": "mac_cyrillic",
    "x-user-defined": "cp1252",
    "uhc": "cp949",
    "cp949": "cp949",
    "ms949": "cp949",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "gb_18030": "gb18030",
    "gb18030-2000": "gb18030",
    "gb18030-2022": "gb18030",
    "cp950": "big5hkscs",
    "big5-eten": "big5hkscs",
    "cp932": "cp932",
    "cp51932": "euc_jp",
    "cp874": "cp874",
    "utf8mb4": "utf-8",
    "utf-8n": "utf-8",
}

_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
_META = re.compile(rb"<meta[\s/][^>]*", re.I)
_META_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([^\s\"'/>;]+)", re.I)
_XML = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"'>]+)", re.I)


@lru_cache(maxsize=1024)
def codec_of(label: str) -> str | None:
    """The Python codec for a label as headers and pages spell it, None for one that nobody knows (`iso-8559-1`)."""
    label = label.strip(" \t\n\r\f\"';,").lower()
    if label in _LABELS:
        return _LABELS[label]
    name = map_encoding_to_html5(label, fallback_utf8=False)
    return _CODECS.get(name, name) if name else None


def meta_charset(payload: bytes) -> str | None:
    """The first label that is one in `<meta charset>` and `<meta http-equiv content>`, else that of `<?xml encoding>`, else one
    that nobody knows. UTF-16 there means UTF-8, as browsers have it."""
    head = payload[:PRESCAN]
    found = [m[1] for tag in _META.findall(_COMMENT.sub(b"", head)) if (m := _META_CHARSET.search(tag))]
    if declaration := _XML.match(head):
        found.append(declaration[1])
    labels = [label.decode("latin-1") for label in found]
    known = next((label for label in labels if codec_of(label)), labels[0] if labels else None)
    return "utf-8" if known and (codec_of(known) or "").startswith("utf-16") else known
