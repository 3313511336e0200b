"""Values that look private and are not: public, or numbers of another kind, or failing the check of what they resemble."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random

from .papers import CREDIT, id_check, luhn_digit
from .values import ALNUM, DIGITS, HEX, LOWER, draw


def release(r: Random) -> str:
    return ".".join(str(r.randrange(0, 20)) for _ in range(3))


def version(r: Random) -> str:
    """Of four numbers at times, as an IPv4 address: only beside a word that says what it is."""
    return ".".join(str(r.randrange(0, 20)) for _ in range(r.choice((3, 4, 4))))


def version_long(r: Random) -> str:
    return f"{r.randrange(1, 12)}.0.{r.randrange(1000, 30000)}.{r.randrange(1, 3000)}"


def section(r: Random) -> str:
    return ".".join(str(r.randrange(1, 10)) for _ in range(r.choice((3, 4, 5))))


def date(r: Random) -> str:
    y, m, d = r.randrange(1980, 2026), r.randrange(1, 13), r.randrange(1, 29)
    return r.choice((f"{y}-{m:02}-{d:02}", f"{y}.{m}.{d}", f"{y}/{m:02}/{d:02}", f"{y}{m:02}{d:02}", f"{d:02}.{m:02}.{y}"))


def moment(r: Random) -> str:
    clock = f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}"
    return r.choice(
        (f"{date(r)} {clock}", f"{r.randrange(2000, 2026)}-0{r.randrange(1, 10)}-1{r.randrange(10)}T{clock}Z", clock)
    )


def stamp(r: Random) -> str:
    """Of Unix, in seconds or milliseconds."""
    return str(r.randrange(1_400_000_000, 1_799_999_999)) + r.choice(("", draw(r, DIGITS, 3)))


def price(r: Random) -> str:
    groups = "".join(f",{r.randrange(1000):03}" for _ in range(r.randrange(3)))
    return r.choice(("¥", "￥", "$")) + f"{r.randrange(1, 999)}{groups}" + r.choice(("", ".00", ".50"))


def money(r: Random) -> str:
    return f"{r.randrange(10_000, 99_999_999)}.{r.randrange(100):02}"


def isbn(r: Random) -> str:
    body = f"978{r.choice('07')}{draw(r, DIGITS, 8)}"
    check = -sum(int(c) * (1 + 2 * (i % 2)) for i, c in enumerate(body)) % 10
    number = f"{body}{check}"
    return r.choice((number, f"{number[:3]}-{number[3]}-{number[4:8]}-{number[8:12]}-{number[12]}"))


def isbn_old(r: Random) -> str:
    body = "7" + draw(r, DIGITS, 8)
    check = -sum(int(c) * (10 - i) for i, c in enumerate(body)) % 11
    return f"{body[0]}-{body[1:4]}-{body[4:9]}-{'0123456789X'[check]}"


def issn(r: Random) -> str:
    body = draw(r, DIGITS, 7)
    return f"{body[:4]}-{body[4:]}{'0123456789X'[-sum(int(c) * (8 - i) for i, c in enumerate(body)) % 11]}"


def order(r: Random) -> str:
    """16 to 20 digits that begin with a day, as shops number them; no card number by Luhn, no ID by its check."""
    while True:
        number = (
            f"20{r.randrange(10, 26)}{r.randrange(1, 13):02}{r.randrange(1, 29):02}{draw(r, DIGITS, r.choice((8, 10, 11, 12)))}"
        )
        if luhn_digit(number[:-1]) != number[-1] and (len(number) != 18 or id_check(number[:-1]) != number[-1]):
            return number


def broken_id(r: Random) -> str:
    born = f"19{r.randrange(50, 99)}0{r.randrange(1, 10)}1{r.randrange(10)}"
    body = r.choice(("110105", "440106", "320102", "510104")) + born + draw(r, DIGITS, 3)
    return body + r.choice([c for c in DIGITS if c != id_check(body)])


def impossible_id(r: Random) -> str:
    """The check is right; the region or the day is none."""
    body = r.choice((f"99{draw(r, DIGITS, 4)}19800101", f"1101051980{r.choice(('1301', '0231', '0045'))}")) + draw(r, DIGITS, 3)
    return body + id_check(body)


def broken_card(r: Random) -> str:
    body = r.choice(("622848", "621700", "4", "53")) + draw(r, DIGITS, 9)
    body = body.ljust(15, "7")[:15]
    return body + r.choice([c for c in DIGITS if c != luhn_digit(body)])


def broken_uscc(r: Random) -> str:
    code = f"91{r.choice(('110105', '440305', '310115'))}MA{draw(r, CREDIT, 7)}"
    right = CREDIT[-sum(CREDIT.index(c) * 3**i for i, c in enumerate(code)) % 31]
    return code + r.choice([c for c in CREDIT if c != right])


def tracking(r: Random) -> str:
    return r.choice(("SF", "YT", "JD", "ZTO")) + draw(r, DIGITS, 12)


def icp(r: Random) -> str:
    return f"{r.choice('京沪粤浙苏川鲁闽')}ICP备{draw(r, DIGITS, 8)}号-{r.randrange(1, 9)}"


def police(r: Random) -> str:
    return f"{r.choice('京沪粤浙苏川鲁闽')}公网安备{r.choice(('11010502', '44030502', '33010602'))}{draw(r, DIGITS, 6)}号"


def docket(r: Random) -> str:
    court, kind = r.choice(("京0105", "沪0115", "粤03", "浙01")), r.choice(("民初", "刑终", "行初"))
    return f"（{r.randrange(2009, 2025)}）{court}{kind}{r.randrange(10, 99999)}号"


def train(r: Random) -> str:
    return r.choice(("G", "D", "K", "T", "Z")) + str(r.randrange(1, 9999))


def flight(r: Random) -> str:
    return r.choice(("CA", "MU", "CZ", "HU", "BA", "UA")) + str(r.randrange(100, 9999))


def cas(r: Random) -> str:
    """Of the Chemical Abstracts Service, with its check digit."""
    body = str(r.randrange(50, 99999)) + draw(r, DIGITS, 2)
    return f"{body[:-2]}-{body[-2:]}-{sum(int(c) * (i + 1) for i, c in enumerate(reversed(body))) % 10}"


def coordinates(r: Random) -> str:
    return r.choice(
        (f"{r.uniform(-90, 90):.6f}, {r.uniform(-180, 180):.6f}", f"北纬{r.uniform(20, 50):.5f}，东经{r.uniform(80, 130):.5f}")
    )


def coordinates_en(r: Random) -> str:
    return r.choice(
        (f"{r.uniform(-90, 90):.6f}, {r.uniform(-180, 180):.6f}", f"{r.uniform(1, 80):.4f}° N, {r.uniform(1, 170):.4f}° W")
    )


def score(r: Random) -> str:
    return r.choice(
        (
            f"{r.randrange(60, 130)}-{r.randrange(60, 130)}",
            "-".join(f"{r.randrange(8)}" for _ in range(4)),
            "21-19, 18-21, 21-17",
        )
    )


def digest(r: Random) -> str:
    data = r.randbytes(8)
    return r.choice((hashlib.md5(data), hashlib.sha1(data), hashlib.sha256(data))).hexdigest()


def uuid(r: Random) -> str:
    return "-".join(draw(r, HEX, n) for n in (8, 4, 4, 4, 12))


def scoped_package(r: Random) -> str:
    scope, name = r.choice(("babel", "types", "vue", "angular", "nestjs")), r.choice(("core", "node", "cli", "runtime"))
    return f"@{scope}/{name}@{release(r)}"


def package(r: Random) -> str:
    name = r.choice(("lodash", "react-dom", "numpy", "left-pad", "webpack"))
    return f"{name}@{r.choice(('', '^', '~'))}{r.randrange(1, 20)}.{r.randrange(9)}.{r.randrange(9)}"


def handle(r: Random) -> str:
    return f"@{r.choice(ENGLISH_HANDLES)}{draw(r, DIGITS, 2)}"


ENGLISH_HANDLES = ("riverside_fc", "DailyPost", "mapmaker", "openrail", "zhihu_daily", "LakesideArts", "metro_watch")


def decorator(r: Random) -> str:
    return r.choice(("@property", "@app.route", "@pytest.mark.slow", "@Override", "user@", "git@host", "x @ y.T", "a@b"))


def scope_operator(r: Random) -> str:
    return r.choice(
        ("std::vector", "Foo::bar::baz", "a::b", "ns::Dead::beef", "std::chrono::milliseconds", "::abs", "x[::2]", "ffi::c::d")
    )


def ratio(r: Random) -> str:
    return ":".join(str(r.randrange(1, 60)) for _ in range(r.choice((3, 4, 5))))


def fingerprint(r: Random) -> str:
    """Of a certificate: twenty octets, no MAC."""
    return ":".join(draw(r, HEX.upper(), 2) for _ in range(20))


def colour(r: Random) -> str:
    return "#" + draw(r, HEX, 6)


def decimals(r: Random) -> str:
    return f"3.14159265358979{draw(r, DIGITS, 12)}"


def masked(r: Random) -> str:
    return r.choice(
        (
            f"138****{draw(r, DIGITS, 4)}",
            f"110***********{draw(r, DIGITS, 4)}",
            f"**** **** **** {draw(r, DIGITS, 4)}",
            "xxx-xxxx-xxxx",
            "XXXXXXXXXXX",
        )
    )


def model(r: Random) -> str:
    return r.choice(
        (
            "RTX 4090",
            "DDR4-3200",
            "WD40EFRX-68N32N0",
            f"E{draw(r, DIGITS, 4)}",
            f"G{draw(r, DIGITS, 3)}",
            f"NE555-{draw(r, DIGITS, 3)}",
            "K20-1234567",
        )
    )


def patent(r: Random) -> str:
    return r.choice(
        (
            f"ZL20{r.randrange(10, 24)}1{draw(r, DIGITS, 7)}.{r.choice(DIGITS)}",
            f"CN10{draw(r, DIGITS, 7)}B",
            f"US{draw(r, DIGITS, 8)}B2",
        )
    )


def doi(r: Random) -> str:
    return f"10.{draw(r, '123456789', 4)}/{draw(r, LOWER, 5)}.{r.randrange(2005, 2024)}.{draw(r, DIGITS, 6)}"


def interval(r: Random) -> str:
    year = r.randrange(1950, 2010)
    return f"{year}{r.choice('-–—')}{year + r.randrange(1, 12)}"


def pages(r: Random) -> str:
    first = r.randrange(100, 1200)
    return f"{first}-{first + r.randrange(3, 900)}"


def count(r: Random) -> str:
    return str(r.randrange(10_000, 2_000_000_000))


def plain_url(r: Random) -> str:
    host, path = r.choice(("kelan-tech.com", "brightmoor.co.uk")), date(r).replace(".", "/")
    return f"https://www.{host}/a/{path}/{draw(r, DIGITS, 9)}.html?id={draw(r, HEX, 12)}&v=1.2.3"


def public_key(r: Random) -> str:
    body = draw(r, ALNUM + "+/", 64)
    return r.choice(
        (
            f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----",
            f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----",
        )
    )


def placeholder(r: Random) -> str:
    return r.choice(
        (
            "YOUR_API_KEY",
            "<your-token>",
            "${API_KEY}",
            "os.environ['API_KEY']",
            "xxxxxxxxxxxxxxxx",
            "sk-...",
            "process.env.TOKEN",
            "changeme",
        )
    )


def word_key(r: Random) -> str:
    return r.choice(
        (
            "sk-learn",
            "sk-SK",
            "hf_hub_download",
            "npm_config_registry",
            "xoxb-",
            "AKIA",
            "risk-averse-investors-and-their-long-term-portfolios",
        )
    )


LOOKALIKES: dict[str, Callable[[Random], str]] = {
    f.__name__: f
    for f in (
        release,
        version,
        version_long,
        section,
        date,
        moment,
        stamp,
        price,
        money,
        isbn,
        isbn_old,
        issn,
        order,
        broken_id,
        impossible_id,
        broken_card,
        broken_uscc,
        tracking,
        icp,
        police,
        docket,
        train,
        flight,
        cas,
        coordinates,
        coordinates_en,
        score,
        digest,
        uuid,
        scoped_package,
        package,
        handle,
        decorator,
        scope_operator,
        ratio,
        fingerprint,
        colour,
        decimals,
        masked,
        model,
        patent,
        doi,
        interval,
        pages,
        count,
        plain_url,
        public_key,
        placeholder,
        word_key,
    )
}
