"""Ways to reach a person: e-mail, telephone, QQ, WeChat."""

from __future__ import annotations

from random import Random

from .values import DIGITS, LOWER, Value, around, draw, grouped, wide, words

# --------------------------------------------------------------------------------------------- e-mail: RFC 5321 and 5322

FAMILY = words("zhang wang li zhao chen yang huang zhou wu xu sun ma zhu hu guo he lin")
GIVEN = words("wei fang na min jing lei qiang yan jie ting hao yu xin peng chao mei")
ENGLISH = words("emma oliver grace liam harriet noah isla ethan ruby logan clara felix maya owen")
SURNAME = words("whitfield okafor lindgren marsh delgado fraser novak pemberton hale ortega quigley")
FREE = words("163.com 126.com qq.com sina.com gmail.com outlook.com foxmail.com yahoo.com.cn sohu.com 139.com")
HOSTS = words("""
    kelan-tech.com huaruitong.com.cn mail.beichen.edu.cn cs.nanling.edu yunfan.net brightmoor.co.uk post.lakeside.org
    ostrava-labs.io greywick.dev info.haidao.gov.cn
""")


def plain_email(r: Random) -> Value:
    form = r.randrange(5)
    if form == 0:
        name = f"{r.choice(FAMILY)}.{r.choice(GIVEN)}"
    elif form == 1:
        name = f"{r.choice(FAMILY)}{r.choice(GIVEN)}{r.randrange(1000)}"
    elif form == 2:
        name = f"{r.choice(ENGLISH)}_{r.choice(SURNAME)}"
    elif form == 3:
        name = f"{r.choice(ENGLISH)[0]}{r.choice(SURNAME)}"
    else:
        name = f"{r.choice(ENGLISH)}-{r.choice(SURNAME)}{r.randrange(70, 99)}"
    return Value(f"{name}@{r.choice(FREE + HOSTS)}")


def tagged_email(r: Random) -> Value:
    return Value(f"{r.choice(ENGLISH)}.{r.choice(SURNAME)}+{r.choice(('news', 'bank', 'git', 'x1'))}@{r.choice(FREE)}")


def number_email(r: Random) -> Value:
    return Value(f"{r.randrange(1, 10)}{draw(r, DIGITS, r.randrange(6, 10))}@qq.com")


def mobile_email(r: Random) -> Value:
    return Value(f"{mobile_digits(r)}@{r.choice(('139.com', '163.com', '189.cn', 'wo.cn'))}")


def capital_email(r: Random) -> Value:
    return Value(f"{r.choice(ENGLISH).title()}{r.choice(SURNAME).title()}@{r.choice(HOSTS).title()}")


def host_email(r: Random) -> Value:
    return Value(f"{r.choice(GIVEN)}.{r.choice(FAMILY)}@{r.choice(HOSTS)}")


# ---------------------------- phone: the Chinese numbering plan, ITU-T E.123 and E.164, the plans of the other countries

LAST = {"3": DIGITS, "4": "5679", "5": "012356789", "6": "2567", "7": "01235678", "8": DIGITS, "9": "012356789"}
MOBILE = tuple(f"1{second}{third}" for second, thirds in LAST.items() for third in thirds)
AREA_2 = words("010 020 021 022 023 024 025 027 028 029")
AREA_3 = words("""
    0311 0351 0371 0411 0431 0451 0512 0531 0551 0571 0591 0592 0731 0755 0769 0771 0791 0851 0871 0891 0898 0931 0951
    0971 0991
""")
LONG_3 = words("0311 0371 0411 0431 0451 0512 0531 0551 0571 0591 0731 0755 0769 0791 0871")


def mobile_digits(r: Random) -> str:
    return r.choice(MOBILE) + draw(r, DIGITS, 8)


def mobile(r: Random) -> Value:
    return Value(mobile_digits(r))


def mobile_parts(r: Random) -> Value:
    return Value(grouped(mobile_digits(r), (3, 4, 4), r.choice("- ")))


def mobile_wide(r: Random) -> Value:
    return Value(wide(mobile_digits(r)))


def mobile_country(r: Random) -> Value:
    number = mobile_digits(r)
    number = number if r.random() < 0.5 else grouped(number, (3, 4, 4), r.choice("- "))
    return around(r.choice(("+86", "+86 ", "+86-", "0086-", "0086", "(+86)", "（+86）", "86-")), number)


def landline_digits(r: Random) -> tuple[str, str]:
    if r.random() < 0.5:
        return r.choice(AREA_2), r.choice("345678") + draw(r, DIGITS, 7)
    area = r.choice(AREA_3)
    return area, r.choice("2345678") + draw(r, DIGITS, 7 if area in LONG_3 else 6)


def landline(r: Random) -> Value:
    return Value("-".join(landline_digits(r)))


def landline_other(r: Random) -> Value:
    area, number = landline_digits(r)
    form = r.randrange(6)
    if form == 0:
        return Value(f"{area}{number}")
    if form == 1:
        return Value(f"{area} {number}")
    if form == 2:
        return Value(f"({area}){number}")
    if form == 3:
        return Value(f"（{area}）{number}")
    if form == 4:
        return Value(f"{area}—{number}")
    return around(r.choice(("+86-", "+86 ", "0086-")), f"{area[1:]}-{number}")


def landline_extension(r: Random) -> Value:
    return around(
        "", "-".join(landline_digits(r)), f"{r.choice(('-', '转', ' 转 ', ' ext. '))}{r.randrange(1, 10)}{draw(r, DIGITS, 2)}"
    )


def landline_wide(r: Random) -> Value:
    area, number = landline_digits(r)
    return Value(f"{wide(area)}{r.choice('－-')}{wide(number)}")


def service(r: Random) -> Value:
    number = r.choice(("400", "800")) + r.choice("168") + draw(r, DIGITS, 6)
    number = number if number.startswith("400") else "800" + r.choice("8") + draw(r, DIGITS, 6)
    return Value(grouped(number, r.choice(((3, 3, 4), (4, 3, 3), (3, 4, 3), (10,))), "-"))


def taiwan_hong_kong(r: Random) -> Value:
    form = r.randrange(5)
    if form == 0:
        return around(
            r.choice(("+852 ", "+852-", "(852) ", "+852")),
            r.choice(("21", "25", "61", "93")) + draw(r, DIGITS, 2) + r.choice(("", " ")) + draw(r, DIGITS, 4),
        )
    if form == 1:
        return around("+853 ", "66" + draw(r, DIGITS, 2) + " " + draw(r, DIGITS, 4))
    if form == 2:
        return Value(f"09{draw(r, DIGITS, 2)}-{draw(r, DIGITS, 3)}-{draw(r, DIGITS, 3)}")
    if form == 3:
        return Value(f"(02){r.choice('28')}{draw(r, DIGITS, 3)}-{draw(r, DIGITS, 4)}")
    return around(r.choice(("+886-", "+886 ")), f"2-2{draw(r, DIGITS, 3)}-{draw(r, DIGITS, 4)}")


def american(r: Random) -> Value:
    area, line = r.choice(("212", "415", "312", "206", "617", "305", "503", "702", "919", "512")), f"01{draw(r, DIGITS, 2)}"
    form = r.randrange(5)
    if form == 0:
        return Value(f"({area}) 555-{line}")
    if form == 1:
        return Value(f"{area}-555-{line}")
    if form == 2:
        return Value(f"{area}.555.{line}")
    if form == 3:
        return around(r.choice(("+1 ", "+1-", "1-")), f"{area}-555-{line}")
    return around("", f"({area}) 555-{line}", f" {r.choice(('ext.', 'x', 'ext'))} {draw(r, '123456789', 3)}")


def abroad(r: Random) -> Value:
    d = lambda n: draw(r, DIGITS, n)  # noqa: E731
    return r.choice(
        (
            lambda: around("+44 ", f"20 7946 0{d(3)}"),
            lambda: Value(f"020 7946 0{d(3)}"),
            lambda: Value(f"07700 900{d(3)}"),
            lambda: around("+44 (0)", f"161 496 0{d(3)}"),
            lambda: around("+61 ", f"2 5550 {d(4)}"),
            lambda: around("+33 ", f"1 99 00 {d(2)} {d(2)}"),
            lambda: around("+49 ", f"30 23125 {d(3)}"),
            lambda: around("+81-", f"3-{r.choice('356')}{d(3)}-{d(4)}"),
            lambda: around("+65 ", f"6{r.choice('2345')}{d(2)} {d(4)}"),
            lambda: around("+82-", f"10-{r.choice('2345')}{d(3)}-{d(4)}"),
            lambda: around("+420 ", f"{r.choice(('602', '605', '721', '736', '775'))} {d(3)} {d(3)}"),
        )
    )()


def e164(r: Random) -> Value:
    return r.choice(
        (
            lambda: Value(f"+1{r.choice(('212', '415', '617'))}55501{draw(r, DIGITS, 2)}"),
            lambda: Value(f"+447700900{draw(r, DIGITS, 3)}"),
            lambda: around("+86", mobile_digits(r)),
            lambda: Value(f"+614915701{draw(r, DIGITS, 2)}"),
            lambda: Value(f"+336399801{draw(r, DIGITS, 2)}"),
        )
    )()


# --------------------------------------------------------------------------------------------- QQ and WeChat, in context


def qq(r: Random) -> Value:
    return Value(r.choice("123456789") + draw(r, DIGITS, r.randrange(5, 10)))


def qq_wide(r: Random) -> Value:
    return Value(wide(r.choice("123456789") + draw(r, DIGITS, 8)))


def wechat(r: Random) -> Value:
    return Value(
        r.choice(
            (
                lambda: f"{r.choice(FAMILY)}{r.choice(GIVEN)}{draw(r, DIGITS, r.randrange(2, 7))}",
                lambda: f"{r.choice(ENGLISH)}_{r.choice(GIVEN)}{draw(r, DIGITS, 2)}",
                lambda: f"{draw(r, LOWER, 2)}{draw(r, DIGITS, 6)}",
                lambda: f"{r.choice(GIVEN).title()}-{r.choice(FAMILY).title()}{draw(r, DIGITS, 3)}",
            )
        )()
    )


def wechat_wxid(r: Random) -> Value:
    return Value(f"wxid_{draw(r, LOWER + DIGITS, 14)}")
