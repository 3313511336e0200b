"""Where private data is in a text: e-mail addresses, phone numbers, Chinese resident IDs, bank cards, IP addresses.

Patterns find candidates, functions say where exactly the entity is, or that it is none. Boundaries are written out for ASCII:
`\\b` sees none between a Han character and a letter. Every repetition is bounded, so the work is linear in the text.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
Judge = Callable[[re.Match[str], str], Span | None]


@dataclass(frozen=True)
class Entity:
    hint: str  # RE2: what every text with such an entity matches; run over whole columns
    finders: tuple[tuple[re.Pattern[str], Judge], ...]


def find(text: str, entities: Sequence[str]) -> list[tuple[int, int, str]]:
    """(start, end, entity) in code points, in order, none overlapping: the earliest, then the longest, then the first named."""
    found = sorted(
        (start, -end, rank, name) for rank, name in enumerate(entities) for start, end in _candidates(text, ENTITIES[name])
    )
    kept: list[tuple[int, int, str]] = []
    for start, negative_end, _, name in found:
        if not kept or start >= kept[-1][1]:
            kept.append((start, -negative_end, name))
    return kept


def _candidates(text: str, entity: Entity) -> Iterator[Span]:
    for pattern, judge in entity.finders:
        for match in pattern.finditer(text):
            span = judge(match, text)
            if span is not None:
                yield span


# ---------------------------------------------------------------------------------------------------------------- e-mail

_FILE_ENDING = re.compile("(?i)png|jpe?g|gif|svg|webp|bmp|ico|css|m?js|ts|json|html?|php|py|md|pdf|mp[34]|zip")
_EMAIL = re.compile(
    r"[A-Za-z0-9_](?<![A-Za-z0-9._%+-].)[A-Za-z0-9._%+-]{0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}([A-Za-z]{2,24})(?![A-Za-z0-9])"
)


def _email(match: re.Match[str], text: str) -> Span | None:
    if _FILE_ENDING.fullmatch(match[1]):
        return None  # logo@2x.png
    if match[0].startswith("git@") and text[match.end() : match.end() + 1] in (":", "/"):
        return None  # a repository's address
    return match.span()


# ---------------------------------------------------------------------------------------------------------------- phones

# Chinese mobile numbers begin with 13 to 19 (MIIT numbering plan). Which third digits are given out changes from year to year,
# so all are taken: a number missed is worse than a number lost. Area codes begin with 0, their numbers with 2 to 9.
_MOBILE = re.compile(
    r"1[3-9][0-9]"
    r"(?:[0-9]{8}|-[0-9]{4}-[0-9]{4}| [0-9]{4} [0-9]{4})"
    r"(?![0-9A-Za-z_%]|[.-][0-9])"
)
_LANDLINE = re.compile(r"0(?<![0-9A-Za-z_.-].)(?:10|2[0-9]|[3-9][0-9]{2})[-—－][2-9][0-9]{6,7}(?:[-转][0-9]{1,6})?(?![0-9])")
_LANDLINE_IN_BRACKETS = re.compile(r"[(（]0(?:10|2[0-9]|[3-9][0-9]{2})[)）][ -]?[2-9][0-9]{6,7}(?:[-转][0-9]{1,6})?(?![0-9])")
_INTERNATIONAL = re.compile(
    r"\+(?<![0-9A-Za-z_)+].)[1-9][0-9]{0,2}(?:[ .-]?\([0-9]{1,4}\))?(?:[ .-]?[0-9]{2,5}){2,5}(?![0-9A-Za-z])"
)
_NORTH_AMERICAN = re.compile(
    r"[2-9](?:(?<![0-9A-Za-z_.-].)|(?<=[^0-9A-Za-z_.-]1[-.].))[0-9]{2}([-.])[2-9][0-9]{2}\1[0-9]{4}(?![0-9A-Za-z]|[.-][0-9])"
)
_NORTH_AMERICAN_IN_BRACKETS = re.compile(
    r"\((?<![0-9A-Za-z_].)[2-9][0-9]{2}\) ?[2-9][0-9]{2}-[0-9]{4}(?![0-9A-Za-z]|[.-][0-9])"
)
_CHINA = re.compile(r"(?:\+|00)?86[ -]?\Z")
_CALLED = re.compile(r"(?i)(?:tel|phone|mobile|mob|cell|whatsapp|weixin|wechat|wx|vx|qq|sms)[a-z_]{0,8}[=:/. -]{0,2}\Z")
_AMOUNT_BEFORE = frozenset("¥￥$€£")
_AMOUNT_AFTER = re.compile(r" ?(?:[万亿]?(?:元|美元|円|韩元|股|人|次|字节|吨|瓦|公里|米)|万|亿|%|号|bytes|USD|RMB|CNY)")


def _mobile(match: re.Match[str], text: str) -> Span | None:
    """Not part of a longer name or of an address on the web, and no amount of money."""
    start, end = match.span()
    country = _CHINA.search(text[max(start - 7, 0) : start])
    if country:
        start -= len(country[0])
    before = text[max(start - 20, 0) : start]
    joined = _plain(before[-1:]) or (before[-1:] in set("-./_=&#%+") and _plain(before[-2:-1]))
    if before[-1:].isdecimal() or (joined and not _CALLED.search(before)):
        return None
    amount = before[-1:] in _AMOUNT_BEFORE or match[0].endswith("000000") or _AMOUNT_AFTER.match(text, end)
    return None if amount else (start, end)


def _plain(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in ("_", "/"))


def _international(match: re.Match[str], text: str) -> Span | None:
    digits = sum(c.isdecimal() for c in match[0])
    return match.span() if 8 <= digits <= 15 and not _AMOUNT_AFTER.match(text, match.end()) else None


def _as_found(match: re.Match[str], text: str) -> Span | None:
    return match.span()


# --------------------------------------------------------------------------------------------------- numbers with a checksum

_ID_CARD = re.compile(r"[1-8](?<![0-9A-Za-z_.].)[0-9]{5}(?:18|19|20)[0-9]{9}[0-9Xx](?![0-9A-Za-z_])")
_PROVINCE = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # ISO 7064 MOD 11-2, as GB 11643-1999 has it

_BANK_CARD = re.compile(
    r"[2-69](?<![0-9A-Za-z_./=&#%-].)[0-9]{3}(?:[ -]?[0-9]{4}){3}(?:[ -]?[0-9]{1,3})?(?![0-9A-Za-z_]|[.-][0-9])"
)
# Issuers' ranges and lengths (ISO/IEC 7812): UnionPay, Visa, Mastercard, JCB, Discover, and older Chinese debit cards.
_ISSUERS = re.compile(
    r"62[0-9]{14,17}|4(?:[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12,15}|(?:955[0-9]|6[089][0-9]{2}|9[0-9]{3})[0-9]{15}"
)


def _id_card(match: re.Match[str], text: str) -> Span | None:
    return match.span() if resident_id(match[0].upper()) else None


def resident_id(number: str) -> bool:
    """A province, a date of birth that exists, and the check digit."""
    try:
        datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    check = "10X98765432"[sum(w * int(d) for w, d in zip(_ID_WEIGHTS, number)) % 11]
    return _PROVINCE.match(number) is not None and check == number[17]


def _bank_card(match: re.Match[str], text: str) -> Span | None:
    number = re.sub("[ -]", "", match[0])
    return match.span() if _ISSUERS.fullmatch(number) and luhn(number) and len(set(number)) > 2 else None


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit from the right is doubled; the sum of all digits is a multiple of ten."""
    digits = [int(d) for d in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10 == 0


# ---------------------------------------------------------------------------------------------------------- IP addresses

# A character class comes first and the look-behind after it wherever it can: only then does `re` skip quickly to candidates.
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IP4 = re.compile(rf"(?<![0-9A-Za-z_.])(?<![0-9][-:])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z_]|\.[0-9A-Za-z])")
_IP6 = re.compile(r"[23](?<![0-9A-Za-z:.].)[0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z:])")
_VERSION_BEFORE = re.compile(
    r"(?i)(?:\bv|ver\.?|version|版本|版|build|release|firmware|固件|[a-z]/|第|节|章|条|款|图|表|§|section|fig\.?|table)"
    r"[号為为是:： ]{0,3}\Z"
)
_VERSION_AFTER = re.compile(r"(?i) ?(?:节|章|条|款|版|号文|小节|项|官方|正式|绿|中文|破解|去广告|beta|alpha|rc)")
_ADDRESS_BEFORE = re.compile(
    r"(?i)(?:\bip|ipv4|address|addr|host|server|dns|ping|ssh|from|地址|服务器|主机|网关|://|@)[^0-9\n]{0,12}\Z"
)
_NOT_PERSONAL = [  # this network, private, shared, local, multicast and reserved ranges (IANA special-purpose registry)
    *map(ipaddress.ip_network, ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")),
    *map(ipaddress.ip_network, ("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3")),
]


def _ip4(match: re.Match[str], text: str) -> Span | None:
    """A public address; no version, section or item number. Where the first number is as small as a version's, the
    words before must say that it is an address."""
    before = text[max(match.start() - 24, 0) : match.start()]
    if _VERSION_BEFORE.search(before) or _VERSION_AFTER.match(text, match.end()):
        return None
    address = ipaddress.IPv4Address(match[0])
    if any(address in network for network in _NOT_PERSONAL):
        return None
    telling = address.packed[0] >= 32 or _ADDRESS_BEFORE.search(before)
    return match.span() if telling else None


def _ip6(match: re.Match[str], text: str) -> Span | None:
    try:
        ipaddress.IPv6Address(match[0])
    except ValueError:
        return None
    return match.span()


ENTITIES = {
    "email": Entity("[A-Za-z0-9_.+%-]@[A-Za-z0-9]", ((_EMAIL, _email),)),
    "phone": Entity(
        r"1[3-9][0-9]-?[ ]?[0-9]{4}-?[ ]?[0-9]{4}|0[0-9]{2,3}[)）—－ -][ -]?[2-9][0-9]{6}|\+[1-9][0-9 .(-]{5}"
        r"|[2-9][0-9]{2}[).-] ?[2-9][0-9]{2}[.-][0-9]{4}",
        (
            (_MOBILE, _mobile),
            (_LANDLINE, _as_found),
            (_LANDLINE_IN_BRACKETS, _as_found),
            (_INTERNATIONAL, _international),
            (_NORTH_AMERICAN, _as_found),
            (_NORTH_AMERICAN_IN_BRACKETS, _as_found),
        ),
    ),
    "id_card": Entity("[0-9]{17}[0-9Xx]", ((_ID_CARD, _id_card),)),
    "bank_card": Entity("[0-9]{4}(?:[ -]?[0-9]{4}){3}", ((_BANK_CARD, _bank_card),)),
    "ip": Entity(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:", ((_IP4, _ip4), (_IP6, _ip6))),
}
