"""Numbers that are given to a person or a company and carry a checksum or a fixed form: resident ID, social credit code, bank
card, passport, licence plate."""

from __future__ import annotations

import datetime
import re

from curator.privacy.around import PROVINCES
from curator.privacy.finders import Finder, Span, before
from curator.privacy.places import NUMBER, PLATE, TOKEN

# ---------------------------------------------------------------------------------------------------------- resident IDs

_ID_CARD = re.compile(
    r"[1-8](?<![0-9A-Za-z_.].)[0-9]{5}(?:(?:18|19|20)[0-9]{9}[0-9Xx]|([ -])(?:18|19|20)[0-9]{6}\1[0-9]{3}[0-9Xx])"
    r"(?![0-9A-Za-z_])"
)
_ID_CARD_15 = re.compile(r"[1-8](?<![0-9A-Za-z_./=&#%-].)[0-9]{14}(?![0-9A-Za-z_]|[.-][0-9])")
_PROVINCE = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # ISO 7064 MOD 11-2, as GB 11643-1999 has it
_ID_SAID = re.compile(r"(?i)(?:证|証|證|身份|(?<![a-z])id(?![a-z])|identity)[^0-9]{0,16}\Z")


def _id_card(match: re.Match[str], text: str) -> Span | None:
    return match.span() if resident_id(re.sub("[ -]", "", match[0]).upper()) else None


def _id_card_15(match: re.Match[str], text: str) -> Span | None:
    """Of before 1999, without a check digit: a word before it must say what it is."""
    number = match[0]
    valid = _PROVINCE.match(number) and _is_day(f"19{number[6:8]}", number[8:10], number[10:12])
    return match.span() if valid and _ID_SAID.search(before(text, match.start(), 24)) else None


def resident_id(number: str) -> bool:
    """A province, a date of birth that exists, and the check digit."""
    if not _is_day(number[6:10], number[10:12], number[12:14]):
        return False
    return _PROVINCE.match(number) is not None and id_check(number) == number[17]


def id_check(number: str) -> str:
    """The last character of the ID that begins with these 17 digits."""
    return "10X98765432"[sum(w * int(d) for w, d in zip(_ID_WEIGHTS, number)) % 11]


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        datetime.date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


# ---------------------------------------------------------------------------------------------------- social credit codes

# Who registers, and what kind of body: the first two characters.
_DIVISIONS = re.compile("1[1239]|2[19]|3[1-59]|4[19]|5[1-49]|6[129]|7[129]|8[19]|9[1-39]|A[19]|N[1-39]|Y1")
CREDIT_CODE_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
_CREDIT_CODE_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_CREDIT_CODE = re.compile(
    r"(?<![0-9A-Za-z_])[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{2} ?[0-9]{6} ?[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{10}(?![0-9A-Za-z_])"
)


def _credit_code(match: re.Match[str], text: str) -> Span | None:
    return match.span() if social_credit_code(match[0].replace(" ", "").upper()) else None


def social_credit_code(code: str) -> bool:
    """The division that registers, a province, and the check character (MOD 31)."""
    region = _PROVINCE.match(code, 2) is not None or code[2:4] == "10"
    return _DIVISIONS.match(code) is not None and region and credit_code_check(code) == code[17]


def credit_code_check(code: str) -> str:
    """The last character of the code that begins with these 17."""
    total = sum(w * CREDIT_CODE_DIGITS.index(c) for w, c in zip(_CREDIT_CODE_WEIGHTS, code))
    return CREDIT_CODE_DIGITS[-total % 31]


# ------------------------------------------------------------------------------------------------------------ bank cards

_BANK_CARD = re.compile(
    r"[0-9](?<![0-9A-Za-z_./=&#%-].)(?:[0-9]{11,18}|[0-9]{3}(?:([ -])[0-9]{4})(?:\1[0-9]{4}){2}(?:\1?[0-9]{1,3})?"
    r"|[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5}|[0-9]{5}[ -][0-9]{10,13})(?![0-9A-Za-z_]|[.-][0-9])"
)
# Issuers' ranges and lengths (ISO/IEC 7812): UnionPay, Visa, Mastercard, JCB, Discover, American Express, and older Chinese
# debit cards.
_ISSUERS = re.compile(
    r"62[0-9]{14,17}|4(?:[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12,15}|(?:955[0-9]|6[089][0-9]{2}"
    r"|9[0-9]{3})[0-9]{15}"
    r"|3[47][0-9]{13}"
)
_CARD_SAID = re.compile(
    r"(?i)(?:card|credit|debit|visa|amex|maestro|diners|discover|(?<![a-z])cc(?![a-z])|银行卡|信用卡|储蓄卡|借记卡"
    r"|銀行卡|卡号|卡號"
    r"|账号|账户|帳號|帐号)"
)


def _bank_card(match: re.Match[str], text: str) -> Span | None:
    """Of an issuer's range, or with a word before it that says that it is a card."""
    said = _CARD_SAID.search(before(text, match.start(), 40))
    shorter = re.search("[ -][0-9]{1,3}$", match[0])  # what may be the number of the next item
    for length in (len(match[0]), *((shorter.start(),) if shorter else ())):
        number = re.sub("[ -]", "", match[0][:length])
        known = _ISSUERS.fullmatch(number) and len(set(number)) > 2
        if (known or said) and len(number) >= 12 and len(set(number)) > 1 and luhn(number):
            return match.start(), match.start() + length
    return None


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit from the right is doubled; the sum of all digits is a multiple of ten."""
    digits = [int(d) for d in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10 == 0


# ------------------------------------------------------------------------------------------------------ passports, plates

_PASSPORT = re.compile(
    r"(?<![0-9A-Za-z_])(?![Qq][Qq]|[VvWw][Xx])(?:[A-Za-z]{1,2} ?[0-9]{7,8}|[0-9]{9}|[A-Z][0-9]{2}[A-Z][0-9]{5})"
    r"(?![0-9A-Za-z_]|[.-][0-9])"
)
_PASSPORT_SAID = re.compile(r"(?i)(?:护照|護照|passport|travel document|通行证|通行證|证件|證件)[^0-9\n]{0,28}\Z")
_PASSPORT_AFTER = re.compile("号?(?:的|普通|因私|中国|外国)?(?:护照|護照)")


def _passport(match: re.Match[str], text: str) -> Span | None:
    """Chinese (E, EA to EZ, G, D, S, P, H, K) and foreign: letters and seven to nine digits look like any article number, so a
    word beside them must say what they are."""
    said = _PASSPORT_SAID.search(before(text, match.start(), 40)) or _PASSPORT_AFTER.match(text, match.end())
    return match.span() if said else None


# GA 36-2018: a letter of the place, then five places of which two at most are letters; six for new energy (D and F, A to K).
_PLATE = re.compile(
    rf"[{PROVINCES}][A-HJ-NP-Z](?: ?[·•.-] ?| )?"
    r"(?:[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳试领]|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK])(?![A-Za-z0-9])"
)
_NEW = re.compile(r"[最全更创重刷革崭清]\Z")


def _plate(match: re.Match[str], text: str) -> Span | None:
    letters = sum(c.isalpha() and c.isascii() for c in match[0])
    new = match[0][0] == "新" and _NEW.search(before(text, match.start(), 1))
    return None if letters > 4 or new else match.span()


ID_CARDS = (Finder(NUMBER, _ID_CARD, _id_card, shortest=17), Finder(NUMBER, _ID_CARD_15, _id_card_15, shortest=15))
CREDIT_CODES = (
    Finder(NUMBER, _CREDIT_CODE, _credit_code, back=3),
    Finder(TOKEN, _CREDIT_CODE, _credit_code),  # with letters among the first digits
)
BANK_CARDS = (Finder(NUMBER, _BANK_CARD, _bank_card, shortest=12),)
PASSPORTS = (Finder(NUMBER, _PASSPORT, _passport, back=3),)
PLATES = (Finder(PLATE, _PLATE, _plate),)
