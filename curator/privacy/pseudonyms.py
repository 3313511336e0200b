"""Stand-ins for private data: of the same form, the same for equal values, and never anybody's.

A stand-in is drawn from a keyed hash (BLAKE2b) of the kind and of the value without its marks, so `138-1234-5678` and
`13812345678` get the same digits, each in its own form. It lies in a range that is reserved or was never given out: 124… for
mobiles, local numbers that begin with 0, 555-01xx, country code 999, province 99, issuers of cards that begin with 0, plates
with I, 240.0.0.0/4, 2001:db8::/32, example.com. Who knows the seed can try all telephone numbers: keep it as private as these.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from curator.privacy.finders import NARROW
from curator.privacy.numbers import CREDIT_CODE_DIGITS, credit_code_check, id_check, luhn

_BASE32 = "abcdefghijkmnpqrstuvwxyz23456789"


class Draw:
    """Numbers from the hash of one value, one after another."""

    def __init__(self, key: bytes) -> None:
        self._left = int.from_bytes(key, "big")

    def below(self, most: int) -> int:
        self._left, drawn = divmod(self._left, most)
        return drawn

    def letters(self, count: int, alphabet: str = _BASE32) -> str:
        return "".join(alphabet[self.below(len(alphabet))] for _ in range(count))

    def digits(self, count: int) -> str:
        return self.letters(count, "0123456789")


def pseudonym(entity: str, value: str, seed: str) -> str:
    """What stands in for a value; the name of the entity as a placeholder for those that have no form of their own."""
    key = hashlib.blake2b(seed.encode(), digest_size=32).digest()
    value = value.translate(NARROW)
    plain = value.lower() if entity in ("ip", "email") else re.sub(r"[\s().·•\-—–（）]", "", value).lower()
    if entity == "phone":
        plain = re.sub(r"^(?:\+|00)?86(?=1[3-9][0-9]{9}$)", "", plain)
    drawn = hashlib.blake2b(f"{entity}\0{plain}".encode("utf-8", "surrogatepass"), key=key, digest_size=64).digest()
    make = _MAKERS.get(entity, lambda value, draw: f"{entity.lower()}_{draw.letters(8)}")
    return make(value, Draw(drawn))


def _in_form(value: str, characters: str) -> str:
    """The characters in the places of the letters and digits of a value, its marks between them."""
    rest = iter(characters)
    return "".join(next(rest, "") if c.isascii() and c.isalnum() else c for c in value)


def _email(value: str, draw: Draw) -> str:
    return f"user-{draw.letters(8)}@example.{('com', 'org', 'net')[draw.below(3)]}"


def _phone(value: str, draw: Draw) -> str:
    digits = re.sub("[^0-9]", "", value)
    drawn = draw.digits(max(len(digits), 11))
    kept = _kept_of_phone(value, digits)
    return _in_form(value, kept + drawn[: max(len(digits) - len(kept), 0)])


def _kept_of_phone(value: str, digits: str) -> str:
    """The digits that a stand-in begins with: a country or an area, and what makes the rest nobody's number."""
    mobile = None if re.match(r"1[-. (]", value) else re.fullmatch("((?:00)?86|)1[3-9][0-9]{9}", digits)
    if mobile:
        return mobile[1] + "124"
    if value.startswith("+") or re.match("00[1-9]", digits):
        return "999" if value.startswith("+") else "00999"
    american = re.fullmatch("(1?)([2-9][0-9]{2})[2-9][0-9]{6}", digits)
    if american and not digits.startswith(("400", "800")):
        return f"{american[1]}{american[2]}55501"
    area = re.match(r"[(（]?(0[0-9]{1,4}|[48]00)(?![0-9])|(0(?:10|2[0-9]|[3-9][0-9]{2})|[48]00)(?=[0-9]{7})", value)
    return f"{area[1] or area[2]}0" if area else "00" if digits.startswith("0") else "0"


def _id_card(value: str, draw: Draw) -> str:
    day = f"{1950 + draw.below(50)}{1 + draw.below(12):02}{1 + draw.below(28):02}"
    if sum(c.isalnum() for c in value) == 15:
        return f"990000{day[2:]}{draw.digits(3)}"
    number = f"990000{day}{draw.digits(3)}"
    return _in_form(value, number + id_check(number))


def _credit_code(value: str, draw: Draw) -> str:
    code = f"91990000{draw.letters(9, CREDIT_CODE_DIGITS)}"
    return _in_form(value, code + credit_code_check(code))


def _bank_card(value: str, draw: Draw) -> str:
    digits = sum(c.isdecimal() for c in value)
    number = "011" + draw.digits(digits - 4)
    return _in_form(value, next(number + last for last in "0123456789" if luhn(number + last)))


def _passport(value: str, draw: Draw) -> str:
    return "X0" + draw.digits(max(sum(c.isalnum() for c in value) - 2, 6))


def _plate(value: str, draw: Draw) -> str:
    kept = value[0] + "I"
    return kept + "".join(c if not c.isalnum() else draw.digits(1) for c in value[2:])


def _ip(value: str, draw: Draw) -> str:
    if ":" in value:
        return "2001:db8:" + ":".join(f"{draw.below(1 << 16):x}" for _ in range(6))
    return f"{240 + draw.below(15)}." + ".".join(str(draw.below(256)) for _ in range(3))


def _mac(value: str, draw: Draw) -> str:
    """Locally administered, so of no maker."""
    digits = "02005e" + draw.letters(6, "0123456789abcdef")
    return _in_form(value, digits.upper() if value.upper() == value else digits)


def _url_credentials(value: str, draw: Draw) -> str:
    return f"user-{draw.letters(6)}:secret-{draw.letters(8)}"


def _qq(value: str, draw: Draw) -> str:
    return "0" + draw.digits(len(value) - 1)


def _wechat(value: str, draw: Draw) -> str:
    return "0wx_" + draw.letters(8)


def _address(value: str, draw: Draw) -> str:
    number = 1 + draw.below(9999)
    return f"{number} Example Street" if value.isascii() else f"某省某市某区某路{number}号"


def _api_key(value: str, draw: Draw) -> str:
    return "EXAMPLE-KEY-" + draw.letters(20)


def _private_key(value: str, draw: Draw) -> str:
    return f"-----BEGIN EXAMPLE KEY-----\n{draw.letters(40)}\n-----END EXAMPLE KEY-----"


def _person(value: str, draw: Draw) -> str:
    return f"Person {draw.letters(5).upper()}" if value.isascii() else f"某{draw.letters(5).upper()}"


_MAKERS: dict[str, Callable[[str, Draw], str]] = {
    "email": _email,
    "phone": _phone,
    "id_card": _id_card,
    "uscc": _credit_code,
    "bank_card": _bank_card,
    "passport": _passport,
    "plate": _plate,
    "ip": _ip,
    "mac": _mac,
    "url_credentials": _url_credentials,
    "qq": _qq,
    "wechat": _wechat,
    "address": _address,
    "api_key": _api_key,
    "private_key": _private_key,
    "person": _person,
}
