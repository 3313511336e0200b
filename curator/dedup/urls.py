"""One form of the addresses that lead to the same page."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

import numpy as np
import pyarrow as pa
import xxhash

from curator.metrics.urls import split_url

# Where a visitor came from, not what is shown. Documented by their makers: Google Analytics and Ads, Meta, Microsoft
# Advertising, Mailchimp, HubSpot, Matomo, Yandex; and the share marks of WeChat, Weibo and Baidu.
TRACKING = re.compile(
    r"utm_\w+|gclid|gclsrc|dclid|gbraid|wbraid|_ga|_gl|fbclid|igshid|msclkid|mc_cid|mc_eid|_hsenc|_hsmi|mtm_\w+|pk_\w+|yclid"
    r"|spm|from=timeline|isappinstalled|nsukey|bd_vid|weibo_id|phpsessid|jsessionid|sid=[0-9a-f]{16,}",
    re.IGNORECASE,
)
_DEFAULT_PAGE = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.IGNORECASE)
_SESSION = re.compile(r";jsessionid=[^/]*", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//|\d)")  # mailto:, not example.com:8080
_RESERVED = re.compile(r"(%(?:2[356BbFf]|3[AaBbDdFf]|40))")  # %# & + / : ; = ? @
_PLAIN = "/:@!$&'()*+,;=~-._"


def normal_url(url: str) -> str | None:
    """Without scheme, `www.`, port, user, fragment, session, default page, last slash and marks of campaigns; the query's
    parameters in order; percent-encoding only where it is needed. None for what is no address of the web."""
    host, _ = split_url(url)
    if _OTHER_SCHEME.match(url.strip()) or not host or "." not in host.strip("."):
        return None
    try:
        parts = urlsplit(url.strip() if "://" in url else f"//{url.strip()}")
    except ValueError:
        return None
    if parts.scheme not in ("", "http", "https"):
        return None
    path = _DEFAULT_PAGE.sub("", _SESSION.sub("", _recoded(parts.path, _PLAIN)).rstrip("/"))
    kept = sorted(p for p in parts.query.split("&") if p and not _tracks(p))
    return host + path + ("?" + "&".join(_recoded(p, _PLAIN + "/?") for p in kept) if kept else "")


def _tracks(parameter: str) -> bool:
    return bool(TRACKING.fullmatch(parameter) or TRACKING.fullmatch(parameter.split("=")[0]))


def _recoded(part: str, plain: str) -> str:
    """What was encoded without need is plain, and what needs it is encoded; what has a meaning where it stands plain (`%2F`)
    stays encoded."""
    pieces = _RESERVED.split(part)
    for i in range(0, len(pieces), 2):
        pieces[i] = quote(unquote(pieces[i], errors="surrogateescape"), plain, errors="surrogateescape")
    return "".join(piece if i % 2 == 0 else piece.upper() for i, piece in enumerate(pieces))


def url_hashes(urls: pa.Array) -> pa.Array:
    """64 bits of every address's normal form, null where there is none."""
    found = [normal_url(url) if url else None for url in urls.to_pylist()]
    hashes = np.array([xxhash.xxh3_64_intdigest(url.encode("utf-8", "replace")) if url else 0 for url in found], np.uint64)
    return pa.array(hashes, mask=np.array([not url for url in found], bool))
