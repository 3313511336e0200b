"""What templates say of quantities, money, time, place and sound. Where a wiki's template computes something (another unit, a
currency's worth today), what its author gave is kept and the rest is not."""

from __future__ import annotations

import re

from curator.sources.wikiarguments import Arguments, Part, Rendering, argument, constant, join, joined, named, wrapped

_UNITS = {
    "km2": "km²",
    "m2": "m²",
    "cm2": "cm²",
    "mi2": "sq mi",
    "sqmi": "sq mi",
    "sqft": "sq ft",
    "ft2": "sq ft",
    "sqkm": "km²",
    "m3": "m³",
    "km3": "km³",
    "cm3": "cm³",
    "cuft": "cu ft",
    "C": "°C",
    "F": "°F",
    "C-change": "°C",
    "F-change": "°F",
    "kph": "km/h",
    "usgal": "US gal",
    "impgal": "imp gal",
    "/km2": "/km²",
    "/sqmi": "/sq mi",
}
_RANGES = frozenset(["to", "-", "–", "and", "or", "by", "x", "×", "*", "to(-)", "to about", "+/-", "±", "xx"])


def _convert(given: Arguments) -> list[Part]:
    """`{{convert|5|to|10|km|mi}}` reads "5 to 10 km": the measured value as the author gave it, without the computed one."""
    parts: list[Part] = []
    at = 1
    while at <= len(given.positional):
        number = given.string(at)
        parts.append(
            f"{int(number):,}" if number.isascii() and number.isdecimal() and len(number) > 4 else given.positional[at - 1]
        )
        word = given.string(at + 1)
        if word in _RANGES and at + 2 <= len(given.positional):
            parts.append("–" if word in ("-", "–") else f" {word} ")
            at += 2
            continue
        if word:
            parts += [" ", _UNITS.get(word, word)]
        if not (given.string(at + 2)[:1].isdecimal() and given.string(at + 3)[:1].isalpha()):  # 5 ft 7 in
            break
        parts.append(" ")
        at += 2
    return parts


_GAUGES = {"sg": "1,435 mm", "ussg": "1,435 mm", "standard": "1,435 mm", "cape": "1,067 mm", "metre": "1,000 mm"}
_GAUGE_PART = re.compile(r"([0-9.,/]+) ?(mm|ft|in)")


def _gauge(given: Arguments) -> list[Part]:
    """`{{RailGauge|1435mm}}`, `{{track gauge|3ft6in}}`, `{{track gauge|sg}}`."""
    said = given.string(1)
    parts = _GAUGE_PART.findall(said)
    if not parts:
        return [_GAUGES.get(said.lower(), said)]
    return [" ".join(f"{int(n):,} {unit}" if n.isdecimal() else f"{n} {unit}" for n, unit in parts)]


def _fraction(given: Arguments) -> list[Part]:
    """`{{frac|2}}` is a half, `{{frac|3|1|2}}` three and a half."""
    if len(given.positional) == 1:
        return ["1/", given.positional[0]]
    if len(given.positional) == 3:
        return [given.positional[0], " ", given.positional[1], "/", given.positional[2]]
    return joined("/")(given)


def _value(given: Arguments) -> list[Part]:
    """`{{val|1.2|0.1|e=5|u=kg}}`: 1.2±0.1×10⁵ kg."""
    unit, power = given.get("u", "ul"), given.get("e")
    error = [f"±{given.string(2)}"] if given.string(2)[:1].isdecimal() and not given.string(3) else []
    if given.string(3):
        error = [f"+{given.string(2).lstrip('+')}/−{given.string(3).lstrip('-−')}"]
    number = [*given.get("p"), *given.get(1), *error, *given.get("s")]
    return [*number, *(["×10<sup>", *power, "</sup>"] if power else []), *([" ", *unit] if unit else [])]


def _about(given: Arguments) -> list[Part]:
    """`{{circa|1500|1550}}`."""
    return join([["c. ", span] for span in given.positional[:2]], " – ")


def _since(before: str) -> Rendering:
    """`{{reign|1500|1550}}`."""
    return lambda given: [before, *joined("–")(given)] if given.positional else []


_POINTS = frozenset("NSEW")


def _coordinates(given: Arguments) -> list[Part]:
    """`{{coord|13|19|N|169|9|W}}`, `{{coord|13.3|-169.1}}`, unless they are shown beside the title alone."""
    if given.string("display") in ("title", "t"):
        return []
    places: list[str] = []
    numbers: list[str] = []
    for at in range(1, min(len(given.positional), 9) + 1):
        said = given.string(at)
        if said in _POINTS:
            places.append("".join(number + sign for number, sign in zip(numbers, "°′″")) + said)
            numbers = []
        elif re.fullmatch(r"-?[0-9.]+", said):
            numbers.append(said)
        else:
            break
    if not places and len(numbers) == 2:
        points = (("N", "S"), ("E", "W"))
        places = [f"{n.lstrip('-')}°{point[n.startswith('-')]}" for n, point in zip(numbers, points)]
    return [" ".join(places)] if len(places) == 2 else []


_NO_PHONEMES = frozenset(["lang", "local", "ipa", "also", "pron", "audio", "icon", "uk", "us", "au", "ca", "nz", "ie"])


def phonemes(given: Arguments) -> list[Part]:
    """`{{IPAc-en|lang|æ|l|ˈ|b|iː}}`: the sounds, without the words and files that stand before them."""
    said = (given.string(at) for at in range(1, len(given.positional) + 1))
    sounds = "".join(
        "\u00a0" if each == "_" else each for each in said if each.lower() not in _NO_PHONEMES and "." not in each[1:]
    )
    return [f"/{sounds}/"] if sounds else []


def _height(given: Arguments) -> list[Part]:
    """`{{height|ft=5|in=7}}`, `{{weight|kg=70}}`."""
    return [" ".join(f"{said} {unit}" for unit in ("m", "cm", "ft", "in", "kg", "lb", "st") if (said := given.string(unit)))]


_NUMERALS = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"))
_NUMERALS += ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def _roman(given: Arguments) -> list[Part]:
    said, out = given.string(1), ""
    left = int(said) if said.isdecimal() and said.isascii() and len(said) < 5 else 0
    for value, letters in _NUMERALS:
        out += letters * (left // value)
        left %= value
    return [out or said]


_MONEY = {
    "US$": "us$ | usd | us dollar",
    "A$": "a$ | aud",
    "C$": "c$ | cad",
    "NZ$": "nz$ | nzd",
    "HK$": "hkd | hk$",
    "NT$": "ntd | nt$ | twd | 新臺幣 | 新台币",
    "S$": "s$ | sgd",
    "MOP$": "mop | mop$",
    "R$": "r$ | brl",
    "£": "gbp | £ | pound sterling",
    "€": "eur | euro | €",
    "¥": "cny | rmb | jpy | ¥ | 人民币 | 人民幣 | cn¥ | jp¥ | 日圓",
    "₹": "inr | ₹ | indian rupee | inrconvert | indian rupees",
    "₩": "krw | ₩",
    "₽": "₽ | rub",
    "₱": "php | ₱ | philippine peso",
    "₫": "vnd",
    "฿": "thb",
    "₪": "ils | ₪",
    "₺": "₺",
    "RM": "myr",
    "Rp": "idr",
    "CHF ": "chf",
}

FIGURES: dict[str, Rendering] = {
    **named("frac | fraction | sfrac | vulgar fraction", _fraction),
    **{f"{above}/{below}": constant(f"{above}/{below}") for below in range(2, 11) for above in range(1, below)},
    **named("convert | cvt | 換算 | 换算", _convert),
    **named("val | 值", _value),
    **named("e", wrapped("×10<sup>", "</sup>", 1)),
    **named("circa | c. | ca.", _about),
    **named("約 | 约", wrapped("約", "", 1)),
    **named("floruit | fl.", _since("fl. ")),
    **named("reign | r.", _since("r. ")),
    **named("railgauge | track gauge | 軌距 | 轨距", _gauge),
    **named("coord | 坐标 | 座標", _coordinates),
    **named("height | weight", _height),
    **named("roman | roman numeral", _roman),
    **named("simplenuclide | simplenuclide2 | nuclide | nuclide2", joined("-")),
    **named("sqrt | radic", wrapped("√", "", 1)),
    **named("abs", wrapped("|", "|", 1)),
    **named("pm", constant("±")),
    **named("times", constant("×")),
    **named("angbr | angle bracket | angbr ipa | vr", wrapped("⟨", "⟩", 1)),
    **named("ipaslink | ipaslink2", wrapped("/", "/", 1)),
    **named("ipablink | api | afi", wrapped("[", "]", 1)),
    **named("respell", joined("-")),
    **named("audio", argument(2)),
    **{name: rendering for sign, names in _MONEY.items() for name, rendering in named(names, wrapped(sign, "", 1)).items()},
}
