"""Telephone numbers: Chinese mobiles, landlines and 400 numbers, Taiwan's, international and North American ones, and any
number of seven digits and more behind a word that says that it is one."""

from __future__ import annotations

import re

from curator.privacy.finders import AMOUNT_AFTER, AMOUNT_BEFORE, Finder, Span, as_found, before
from curator.privacy.places import NUMBER

# Chinese mobile numbers begin with 13 to 19 (MIIT numbering plan). Which third digits are given out changes from year to year,
# so all are taken: a number missed is worse than a number lost. Area codes begin with 0, their numbers with 2 to 9.
_MOBILE = re.compile(
    r"1[3-9][0-9]"
    r"(?:[0-9]{8}|-[0-9]{4}-[0-9]{4}| [0-9]{4} [0-9]{4}|[0-9] [0-9]{3} [0-9]{4}|[0-9]-[0-9]{3}-[0-9]{4})"
    r"(?![0-9_%]|(?![Qq][Qq])[A-Za-z]|[.-][0-9])"
)
_LANDLINE = re.compile(
    r"0(?:(?<![0-9A-Za-z_.-].)|(?<=86[- ].)(?<![0-9]86[- ].))(?:10|2[0-9]|[3-9][0-9]{2})(?:[-—－–]{1,2}| - | ?)[2-9]"
    r"(?:[0-9]{6,7}|[0-9]{3}[- ][0-9]{4}"
    r"|[0-9]{2}[- ][0-9]{4})"
    r"(?:(?:[-－/]|转| ?ext\.? ?)[0-9]{1,6})?(?![0-9])"
)
_IN_BRACKETS = re.compile(
    r"[(（]0(?:(?:10|2[0-9]|[3-9][0-9]{2})[)）][ -]?[2-9](?:[0-9]{6,7}|[0-9]{3}[- ][0-9]{4})(?:[-转][0-9]{1,6})?"
    r"|[2-8][0-9]?[)）][ -]?[2-9][0-9]{2,3}[- ][0-9]{4})(?![0-9])"
)
_WITH_400 = re.compile(
    r"[48](?<![0-9A-Za-z_.-].)00(?:-[0-9]{3}-[0-9]{4}| [0-9]{3} [0-9]{4}|-[0-9]{4}-[0-9]{3}| [0-9]{4} [0-9]{3}"
    r"|-[0-9]{7}|[0-9]{7})"
    r"(?![0-9A-Za-z_]|[.-][0-9])"
)
_TAIWAN = re.compile(
    r"0(?<![0-9A-Za-z_.-].)(?:9[0-9]{2}-[0-9]{3}-?[0-9]{3}|[2-8]-[2-9][0-9]{2,3}-[0-9]{4})(?![0-9A-Za-z_]|[.-][0-9])"
)
_INTERNATIONAL = re.compile(
    r"(?:\+(?:(?<![0-9A-Za-z_)+].)|(?<=\\[nrt].))|00(?<![0-9A-Za-z_./-]..)(?<![0-9] ..)(?=[1-9][0-9]{0,2}[ -]))[1-9][0-9]{0,2}"
    r"(?: ?[.-]? ?\([0-9]{1,4}\))?"
    r"(?:(?: - |[ .-])?[0-9]{1,5}){2,5}(?![0-9A-Za-z])"
)
_NORTH_AMERICAN = re.compile(
    r"[2-9](?:(?<![0-9A-Za-z_.-].)|(?<=[^0-9A-Za-z_.-]1[-.].))[0-9]{2}([-.])[2-9][0-9]{2}\1[0-9]{4}(?![0-9A-Za-z]|[.-][0-9])"
)
_NORTH_AMERICAN_IN_BRACKETS = re.compile(
    r"\((?<![0-9A-Za-z_].)[2-9][0-9]{2}\) ?[2-9][0-9]{2}-[0-9]{4}(?![0-9A-Za-z]|[.-][0-9])"
)
_ANY = re.compile(
    r"(?<![0-9A-Za-z_.+-])(?<![0-9],)(?:\([0-9]{1,5}\)|[0-9]{1,15})(?:[ .-]{1,2}(?:\([0-9]{1,5}\)|[0-9]{1,8})){0,6}"
    r"(?![0-9A-Za-z_@]|[.,:/-][0-9])"
)

_ONE_MORE = re.compile("(?<=[0-9]{3}) [0-9]{1,2}$")
_NEXT = re.compile(r"\.[^\s0-9]|[\u4e00-\u9fff]|[、)）]")
_CHINA = re.compile(r"(?:[(（]\+?86[)）] ?|(?:\+|00)?86(?: ?- ?| )?)\Z")
_CALLED = re.compile(r"(?i)(?:tel|phone|mobile|mob|cell|whatsapp|weixin|wechat|wx|vx|qq|sms)[a-z_]{0,8}[\"']?[=:/. -]{0,2}\Z")
_SAID = re.compile(
    r"(?i)(?:(?<![a-z])(?:(?:tele)?phones?|tel|mobile|mob|cell(?:phone|ular)?|call(?: (?:me|us|him|her|them|back))?"
    r"|dial|fax|sms|(?-i:[TFM]):"
    r"|text (?:me|us)|messages? to|whatsapp|hotline|reach (?:me|us|him|her)|contact(?: (?:me|us|number|no\.?))?"
    r"|(?:my|our|your|his|her|their)(?: [a-z]{3,6})? number|call(?: [a-z]{2,12}){1,3} (?:on|at))"
    r"(?: (?:number|numbers|no|nos|line))?(?: (?:is|on|at|via|by|to|was|:))*[^0-9A-Za-z]{0,6}"
    r"|(?:电话|電話|手机|手機|座机|座機|市话|分机|传真|傳真|致电|致電|热线|熱線|专线|來電|来电|拨打|撥打|联系方式"
    r"|聯絡方式|小灵通|客服|售前|售后|[打拨]|打给|联系)"
    r"[^0-9A-Za-z，。；！？,;!?\n版]{0,6})\Z"
)
_SAID_AFTER = re.compile(r"(?i) ?[-–(/] ?(?:office|fax|home|mobile|cell|work|phone|tel)(?![a-z])")
_DATE = re.compile(r"(?:1[89]|20)[0-9]{2}[-. ][0-9]{1,2}[-. ][0-9]{1,2}|(?:1[89]|20)[0-9]{2} ?- ?(?:1[89]|20)[0-9]{2}")


def _mobile(match: re.Match[str], text: str) -> Span | None:
    """Not part of a longer name or of an address on the web, and no amount of money."""
    start, end = match.span()
    country = _CHINA.search(before(text, start, 9))
    if country:
        start -= len(country[0])
    said = before(text, start, 20)
    joined = _plain(said[-1:]) or (said[-1:] in set("-./_=&#%+") and _plain(said[-2:-1]))
    if said[-1:].isdecimal() or (joined and not _CALLED.search(said)):
        return None
    if " " in match[0] and re.search("[0-9] $", said):
        return None  # some groups of a longer number
    amount = (
        said[-1:] in AMOUNT_BEFORE
        or match[0].endswith("000000")
        or AMOUNT_AFTER.match(text, end)
        or text[end : end + 1] == "号"
    )
    return None if amount else (start, end)


def _plain(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in ("_", "/"))


def _landline(match: re.Match[str], text: str) -> Span | None:
    """A run of digits without any mark between area code and number must be said to be a telephone."""
    start, end = match.span()
    if match[0][:12].isdecimal() and not (_SAID.search(before(text, start, 40)) and len(match[0]) in (11, 12)):
        return None
    if " " in match[0] and re.search("[0-9] $", before(text, start, 2)):
        return None  # some groups of a longer number
    country = _CHINA.search(before(text, start, 9))
    return None if AMOUNT_AFTER.match(text, end) else (start - len(country[0]) if country else start, end)


def _with_400(match: re.Match[str], text: str) -> Span | None:
    """Ten digits in a row must be said to be a telephone; with marks between them they say so themselves."""
    said = before(text, match.start(), 40)
    if match[0].isdecimal() and said[-1:] not in ("：", ":") and not _SAID.search(said):
        return None
    return None if AMOUNT_AFTER.match(text, match.end()) else match.span()


def _international(match: re.Match[str], text: str) -> Span | None:
    start, end = match.start(), _end(match, text)
    digits = sum(c.isdecimal() for c in text[start:end])
    fewest = 8 if match[0][0] == "+" else 11
    return (start, end) if fewest <= digits <= 15 and not AMOUNT_AFTER.match(text, end) else None


def _said(match: re.Match[str], text: str) -> Span | None:
    """A number of no known form behind a word that says that it is one, or before one."""
    start, end = match.start(), _end(match, text)
    number = re.sub("[^0-9]", "", text[start:end])
    if not 7 <= len(number) <= 13 or len(set(number)) == 1 or match[0].count(".") > 2 or AMOUNT_AFTER.match(text, end):
        return None
    if _DATE.match(match[0]) or any(form.match(text, start) for form in (_LANDLINE, _MOBILE, _WITH_400)):
        return None
    said = _SAID.search(before(text, start, 44))
    if said and match[0].isdecimal() and len(number) > 8 and not said[0].isascii():
        return None  # a Chinese number so long has an area, and a form of its own
    return (start, end) if said or _SAID_AFTER.match(text, end) else None


def _end(match: re.Match[str], text: str) -> int:
    """Without ` 2` of `2. the next item` and ` 24` of 24小时."""
    more = _ONE_MORE.search(match[0])
    return match.start() + more.start() if more and _NEXT.match(text, match.end()) else match.end()


PHONES = (
    Finder(NUMBER, _MOBILE, _mobile, shortest=11),
    Finder(NUMBER, _LANDLINE, _landline, shortest=10),
    Finder(NUMBER, _IN_BRACKETS, as_found, back=1),
    Finder(NUMBER, _WITH_400, _with_400, shortest=10),
    Finder(NUMBER, _TAIWAN, as_found, shortest=10),
    Finder(NUMBER, _INTERNATIONAL, _international, back=1, shortest=8),
    Finder(NUMBER, _NORTH_AMERICAN, as_found, shortest=12),
    Finder(NUMBER, _NORTH_AMERICAN_IN_BRACKETS, as_found, back=1, shortest=12),
    Finder(NUMBER, _ANY, _said, back=1),
)
