"""Numbers of papers: resident ID, credit code of a firm, bank card, passport, licence plate."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from .values import DIGITS, PLATE, UPPER, Value, draw, grouped, wide, words

# ------------------------------------------------------------------------ resident ID: GB 11643-1999, codes of GB/T 2260

REGIONS = words("""
    110101 110105 110108 120101 130102 140105 150102 210102 220102 230103 310104 310115 320102 320506 330106 330203
    330304 340104 350203 350582 360103 370102 370202 410105 420106 430102 440103 440106 440305 441900 442000 450103
    460105 500103 510104 511402 520102 530102 540102 610113 620102 630102 640104 650102
""")


def id_check(body: str) -> str:
    """ISO 7064, mod 11-2."""
    return "10X98765432"[sum(int(c) * 2 ** (17 - i) for i, c in enumerate(body)) % 11]


def id_digits(r: Random) -> str:
    body = f"{r.choice(REGIONS)}{r.randrange(1945, 2016)}{r.randrange(1, 13):02}{r.randrange(1, 29):02}{draw(r, DIGITS, 3)}"
    return body + id_check(body)


def id_18(r: Random) -> Value:
    return Value(id_digits(r))


def id_x(r: Random) -> Value:
    while not (number := id_digits(r)).endswith("X"):
        pass
    return Value(number[:-1] + r.choice("xX"))


def id_wide(r: Random) -> Value:
    return Value(wide(id_digits(r)))


def id_spaced(r: Random) -> Value:
    return Value(grouped(id_digits(r), (6, 8, 4), r.choice(" -")))


def id_residence(r: Random) -> Value:
    """Residence permits of Hong Kong, Macao and Taiwan residents (GB 11643 numbers since 2018)."""
    place = r.choice(("810000", "820000", "830000"))
    born = f"{r.randrange(1950, 2010)}{r.randrange(1, 13):02}{r.randrange(1, 29):02}"
    body = place + born + draw(r, DIGITS, 3)
    return Value(body + id_check(body))


def id_15(r: Random) -> Value:
    """Of before 1999: two digits of the year, no check character."""
    return Value(f"{r.choice(REGIONS)}{r.randrange(40, 90)}{r.randrange(1, 13):02}{r.randrange(1, 29):02}{draw(r, DIGITS, 3)}")


# ------------------------------------------------------------------- unified social credit code: GB 32100-2015, GB 11714

CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def uscc_digits(r: Random) -> str:
    body = draw(r, DIGITS + UPPER if r.random() < 0.3 else DIGITS, 8)
    body = "".join(c if c in CREDIT else "A" for c in body)
    organ = 11 - sum((DIGITS + UPPER).index(c) * w for c, w in zip(body, (3, 7, 9, 10, 5, 8, 4, 2))) % 11
    code = f"{r.choice(('91', '91', '92', '93', '12', '51', '52'))}{r.choice(REGIONS)}{body}{'0123456789X0'[organ]}"
    return code + CREDIT[-sum(CREDIT.index(c) * 3**i for i, c in enumerate(code)) % 31]


def uscc(r: Random) -> Value:
    return Value(uscc_digits(r))


def uscc_letters(r: Random) -> Value:
    code = uscc_digits(r)
    while code[8:16].isdigit():
        code = uscc_digits(r)
    return Value(code)


# ------------------------------------------ bank card: ISO/IEC 7812 with Luhn's check digit, lengths by issuer's numbers


def luhn_digit(body: str) -> str:
    doubled = (int(c) * (2 - i % 2) for i, c in enumerate(reversed(body)))
    return str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


def card_digits(r: Random, prefixes: Sequence[str], length: int) -> str:
    start = r.choice(prefixes)
    body = start + draw(r, DIGITS, length - 1 - len(start))
    return body + luhn_digit(body)


UNIONPAY = words("621700 622202 622848 621661 622588 621485 622262 621226 622908 621799")


def unionpay(r: Random) -> Value:
    return Value(card_digits(r, UNIONPAY, r.choice((16, 19, 19))))


def unionpay_parts(r: Random) -> Value:
    return Value(grouped(card_digits(r, UNIONPAY, r.choice((16, 19))), (4, 4, 4, 4), " "))


def unionpay_wide(r: Random) -> Value:
    return Value(wide(card_digits(r, UNIONPAY, 19)))


def visa_mastercard(r: Random) -> Value:
    number = card_digits(r, ("4", "51", "53", "55", "2221", "2530", "3528", "3589", "6011"), 16)
    return Value(number if r.random() < 0.5 else grouped(number, (4, 4, 4, 4), r.choice(" -")))


def amex_diners(r: Random) -> Value:
    if r.random() < 0.6:
        number = card_digits(r, ("34", "37"), 15)
        return Value(number if r.random() < 0.5 else grouped(number, (4, 6, 5), r.choice(" -")))
    return Value(card_digits(r, ("300", "305", "36", "38"), 14))


# ----------------------------------- passport and travel permit, in context: GA/T 704, the 2012 and later Chinese series


def passport_cn(r: Random) -> Value:
    return Value(r.choice(("E", "G", "E", "D")) + draw(r, DIGITS, 8))


def passport_cn_new(r: Random) -> Value:
    return Value("E" + r.choice("ABCDEFGHJKLM") + draw(r, DIGITS, 7))


def passport_service(r: Random) -> Value:
    return Value(r.choice(("DE", "SE", "PE")) + draw(r, DIGITS, 7))


def passport_digits(r: Random) -> Value:
    """Nine digits: the British one, and the American until 2021."""
    return Value(r.choice("3456") + draw(r, DIGITS, 8))


def passport_letter(r: Random) -> Value:
    """The American one since 2021: a letter, eight digits."""
    return Value(r.choice("AXYZ") + draw(r, DIGITS, 8))


# --------------------------------------------------------------------------------------------- licence plate: GA 36-2018

PROVINCE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
OFFICE = "ABCDEFGHJKLMN"


def tail(r: Random, count: int) -> str:
    """At most two letters."""
    signs = list(draw(r, DIGITS, count))
    for at in r.sample(range(count), r.choice((0, 0, 1, 1, 2))):
        signs[at] = r.choice(PLATE[10:])
    return "".join(signs)


def plate(r: Random) -> Value:
    return Value(r.choice(PROVINCE) + r.choice(OFFICE) + tail(r, 5))


def plate_dotted(r: Random) -> Value:
    return Value(r.choice(PROVINCE) + r.choice(OFFICE) + r.choice("·•- ") + tail(r, 5))


def plate_electric(r: Random) -> Value:
    head = r.choice(PROVINCE) + r.choice(OFFICE)
    if r.random() < 0.75:
        return Value(head + r.choice(("", "·")) + r.choice("DF") + r.choice(PLATE) + draw(r, DIGITS, 4))
    return Value(head + draw(r, DIGITS, 5) + r.choice("DF"))


def plate_special(r: Random) -> Value:
    return Value(r.choice(PROVINCE) + r.choice(OFFICE) + draw(r, DIGITS, 4) + r.choice("警警学挂"))


def plate_border(r: Random) -> Value:
    return Value("粤Z" + r.choice(("", "·")) + tail(r, 4) + r.choice("港澳"))
