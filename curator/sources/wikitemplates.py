"""What a template leaves in the text: most leave nothing (boxes, notices, citations), a few carry words of the sentence.

`TEMPLATES` names those few in lower case, by their names in the English, Chinese and other large Wikipedias. Everything
else, parser functions and citation templates included, is dropped: without the wiki's own template pages nobody can tell what
they say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

GONE = "\x01"  # stands where a template was dropped, until the punctuation around it is mended
Span = tuple[int, int]  # of the wikitext, still to be converted
Part = str | Span  # finished text, or such a span


@dataclass
class Arguments:
    """A template's arguments, as spans of the wikitext."""

    text: str
    positional: list[Span] = field(default_factory=list)
    named: dict[str, Span] = field(default_factory=dict)

    def string(self, key: int | str) -> str:
        """The raw wikitext of a short argument, such as a unit or a number; empty if there is none."""
        span = self.named.get(str(key))
        if span is None and isinstance(key, int) and 1 <= key <= len(self.positional):
            span = self.positional[key - 1]
        return self.text[span[0] : min(span[1], span[0] + 60)].strip() if span else ""

    def get(self, *keys: int | str) -> list[Part]:
        """The first of these arguments that is there; positions count from 1, or from the end if negative."""
        for key in keys:
            if str(key) in self.named:
                return [self.named[str(key)]]
            if isinstance(key, int) and 1 <= abs(key) <= len(self.positional):
                return [self.positional[key - 1 if key > 0 else key]]
        return []


Rendering = Callable[[Arguments], list[Part]]


def argument(*keys: int | str) -> Rendering:
    return lambda given: given.get(*keys)


def wrapped(before: str, after: str, *keys: int | str) -> Rendering:
    return lambda given: [before, *given.get(*keys), after]


def constant(text: str) -> Rendering:
    return lambda given: [text]


def joined(between: str) -> Rendering:
    return lambda given: _join([[span] for span in given.positional], between)


def _join(parts: Sequence[list[Part]], between: str) -> list[Part]:
    out: list[Part] = []
    for each in parts:
        if each and out:
            out.append(between)
        out += each
    return out


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


_NAMES_OF_MONTHS = "January February March April May June July August September October November December"
_MONTHS = _NAMES_OF_MONTHS.split()


def _date(given: Arguments, first: int = 1) -> list[Part]:
    """`{{start date|1990|5|2}}`."""
    year, month, day = (given.string(first + at) for at in range(3))
    if not month.isdecimal() or not 1 <= int(month) <= 12:
        return [" ".join(part for part in (day, month, year) if part)]
    name = _MONTHS[int(month) - 1]
    return [f"{name} {day}, {year}" if day else f"{name} {year}"]


def _life(given: Arguments) -> list[Part]:
    """`{{bd|1953年|6月15日|2020年|1月2日}}`."""
    return ["（", *given.get(1), *given.get(2), "－", *given.get(3), *given.get(4), "）"]


def _chemical(given: Arguments) -> list[Part]:
    parts: list[Part] = []
    for at, span in enumerate(given.positional, 1):
        number = given.string(at).isdecimal()
        parts += ["<sub>", span, "</sub>"] if number and at > 1 else [span]
    return parts


def _of_navy(prefix: str) -> Rendering:
    return lambda given: [prefix, " ", *given.get(1)]


def _named_ship(given: Arguments) -> list[Part]:
    """`{{ship|USS|Enterprise|CVN-65}}`."""
    hull = given.string(3)
    return [*_join([given.get(1), given.get(2)], " "), *([f" ({hull})"] if hull else [])]


def _century(given: Arguments) -> list[Part]:
    return [*given.get(1), "e siècle"]


_NOTES = {"flat": "♭", "b": "♭", "sharp": "♯", "#": "♯", "natural": "♮"}


def _fraction(given: Arguments) -> list[Part]:
    if len(given.positional) == 3:
        return [given.positional[0], " ", given.positional[1], "/", given.positional[2]]
    return joined("/")(given)


def _value(given: Arguments) -> list[Part]:
    unit = given.get("u", "ul")
    power = given.get("e")
    return [*given.get(1), *(["×10<sup>", *power, "</sup>"] if power else []), *([" ", *unit] if unit else [])]


def _nihongo(given: Arguments) -> list[Part]:
    inside = _join([given.get(2), given.get(3)], ", ")
    return [*given.get(1), *([" (", *inside, ")"] if inside else [])]


def _as_of(given: Arguments) -> list[Part]:
    return ["as of " if "lc" in given.named else "As of ", *_date(given)]


def _chinese(given: Arguments) -> list[Part]:
    """`{{zh|t=…|s=…|p=…}}`: the forms, one after the other."""
    return _join([given.get(key) for key in ("c", "t", "s", "p", "w", "j", "poj", 1)], ", ")


def _link_elsewhere(given: Arguments) -> list[Part]:
    return given.get("lt", "d", 3, 1) if len(given.positional) >= 3 else given.get("lt", "d", 1)


def _translated(given: Arguments) -> list[Part]:
    """`{{tsl|en|Datagram Transport Layer Security|數據傳輸層加密}}`."""
    return given.get(4, 3, 2)


def _rules_of_a_page(given: Arguments) -> list[Part]:
    """`{{NoteTA|G1=IT|T=zh-cn:…|1=zh-cn:…;zh-tw:…}}`: a title and rules for the whole page. Groups are other pages."""
    parts: list[Part] = []
    for key, rule in (*given.named.items(), *((str(at), span) for at, span in enumerate(given.positional, 1))):
        if key == "t" or key.isdecimal():
            parts += ["\x02T|" if key == "t" else "\x02H|", rule, "\x03"]
    return parts


def _named(names: str, rendering: Rendering) -> dict[str, Rendering]:
    return dict.fromkeys(names.split(" | "), rendering)


TEMPLATES: dict[str, Rendering] = {
    **_named("lang | color | colour | font color | fontcolor | colored text | colorsample", argument(2, "text")),
    **_named("transl | transliteration | tlit | columns-list | script | rtl-lang", argument(-1)),
    **_named(
        "nowrap | nobr | no wrap | small | smaller | big | larger | resize | em | strong | abbr | abbrlink"
        " | tooltip | h:title | mono | code | tt | kbd | var | mvar | math | samp | sic | smallcaps | sc"
        " | uc first | visible anchor | vanchor | ルビ | 小 | 大 | 不換行 | 不换行 | 僻字 | zy | ruby | rubyh | 注音"
        " | 拼音 | flag | flagcountry | flagu | 国旗 | 國旗 | country | plainlist | flatlist | not a typo | proper name"
        " | linktext | le | link-interwiki | internal link helper | 內部連結 | lj | le2 | ilh | 梵 | s-script"
        " | lang-zh-hans | lang-zh-hant | polytonic | unicode | ipa text | underline | u | strike | noitalic"
        " | nobold | noruby | ilnk | tl2",
        argument(1, "text", "content"),
    ),
    **_named("ill | interlanguage link | ill2 | illm | interlanguage link multi", argument("lt", 1)),
    **_named("tsl | translink | 译 | 譯", _translated),
    **_named("illz | link-lang", _link_elsewhere),
    **_named(
        "quote | blockquote | bquote | cquote | quotation | quote box | rquote | pull quote | centered pull quote"
        " | 引文 | 引言 | 引用 | poem quote | poemquote | verse translation | poem | 诗 | 詩",
        lambda given: ["<br>", *given.get("text", "quote", "content", 1), "<br>"],
    ),
    **_named("sup | superscript", wrapped("<sup>", "</sup>", 1)),
    **_named("sub | subscript", wrapped("<sub>", "</sub>", 1)),
    **_named("frac | fraction | sfrac | vulgar fraction", _fraction),
    **_named("chem | chem2 | ce", _chemical),
    **_named("ubl | unbulleted list | hlist | plain list", joined(", ")),
    **_named("convert | cvt | 換算 | 换算", _convert),
    **_named("val | 值", _value),
    **_named("nihongo | nihongo2 | nihongo3 | 日語 | japanese", _nihongo),
    **_named("zh | lang-zh | chinese | zh-cn | zh-tw | chinese name", _chinese),
    **_named("circa | c. | ca. | 約 | 约", wrapped("c. ", "", 1)),
    **_named("floruit | fl. ", wrapped("fl. ", "", 1)),
    **_named("noteta | noteta/lite", _rules_of_a_page),
    **_named("as of", _as_of),
    **_named("us$ | usd | us dollar", wrapped("US$", "", 1)),
    **_named("a$ | aud", wrapped("A$", "", 1)),
    **_named("c$ | cad", wrapped("C$", "", 1)),
    **_named("gbp | £ | pound sterling", wrapped("£", "", 1)),
    **_named("eur | euro | €", wrapped("€", "", 1)),
    **_named("cny | rmb | jpy | ¥ | 人民币", wrapped("¥", "", 1)),
    **_named("inr | ₹ | indian rupee", wrapped("₹", "", 1)),
    **_named("'s", constant("’s")),
    **_named("' | -'", constant("'")),
    **_named("! | |", constant("|")),
    **_named("= | equals", constant("=")),
    **_named("· | • | dot | middot | bullet | interpunct | ·w", constant(" · ")),
    **_named("ndash | – | en dash", constant("–")),
    **_named("mdash | — | em dash", constant("—")),
    **_named("snd | spaced ndash | spnd | dash | spaced en dash", constant(" – ")),
    **_named("nbsp | space | spaces | zwsp | thin space | thinsp | pad | gap | shy | wbr", constant(" ")),
    **_named("x mark | cross | xmark", constant("✗")),
    **_named("check mark | tick | yes check", constant("✓")),
    **_named("sharp | #", constant("♯")),
    **_named("flat", constant("♭")),
    **_named("!bxt | —?", constant("—")),
    **_named(
        "midsize | center | centre | block indent | sort under | legend text | ipa | ipatext | gk | greek | hebrew"
        " | hlb | nts | ntsh | number table sorting | railgauge | track gauge | citation needed span | cn span"
        " | fact span | clarify span | keypress1 | section link | slink | nihongo foot | sic2 | citation | aut"
        " | kapitälchen | versalete | petites capitales | comment | 仮リンク | 要出典範囲 | jis2004フォント"
        " | 補助漢字フォント | cjkフォント | 読み | нп | нп1 | нп2 | нп3 | нп4 | нп5 | нп6 | не переведено"
        " | не переведено 5 | не перекладено | nowrap begin | nbr | zh-hans | zh-hant | 專名號 | 专名号 | 書名號"
        " | 书名号 | 雙重書名號 | 下劃線 | 下划线 | kai | 楷体 | 楷體 | color1 | en-link | bo-textonly"
        " | angle bracket ipa",
        argument(1, "text"),
    ),
    **_named(
        "wikt-lang | m | legend | sort | llang | langue | en langue | lang2 | foreign language | font | 标楷体", argument(2)
    ),
    **_named("latin | k-de | јез-нем | grec ancien | allemand | anglais", argument(1)),
    **_named(
        "unité | nombre | tmp | date | date- | date de naissance | date de décès | sortname | bibleref | bibleref2", joined(" ")
    ),
    **_named("bibleverse | bibleverse-lb | dab link | proper | days | date-1 | heure de | linktext", joined(" ")),
    **_named("heure", joined(":")),
    **_named("keypress | key press | key | kbdkey", joined("+")),
    **_named("siècle | s- | s2 | sav", _century),
    **_named("segle", wrapped("segle ", "", 1)),
    **_named("siglo", wrapped("siglo ", "", 1)),
    **_named("ier", constant("Ier")),
    **_named("1er", constant("1er")),
    **_named("1re", constant("1re")),
    **_named("lien", argument("texte", "trad", "fr", 1)),
    **_named("incise", wrapped("– ", " –", 1)),
    **_named("読み仮名 | ruby-ja | 読み仮名 ruby不使用", lambda given: [*given.get(1), "（", *given.get(2), "）"]),
    **_named("bd | 生卒 | 生卒年", _life),
    **_named("start date | end date | dts | birth date | death date | birth-date | film date | date table sorting", _date),
    **_named("start date and age | birth date and age | death date and age | bda", _date),
    **_named("gaps", joined("")),
    **_named("oldstyledate", lambda given: [*given.get(1), " [O.S. ", *given.get(3), "] ", *given.get(2)]),
    **_named("angbr | angle bracket | angbr ipa", wrapped("⟨", "⟩", 1)),
    **_named("vr", wrapped("⟨", "⟩", 1)),
    **_named("ipaslink | ipaslink2", wrapped("/", "/", 1)),
    **_named("ipablink", wrapped("[", "]", 1)),
    **_named("eqm", constant("⇌")),
    **_named("e", wrapped("×10<sup>", "</sup>", 1)),
    **_named("music", lambda given: [_NOTES.get(given.string(1).lower(), "")]),
    **_named("mdashb", constant(" — ")),
    **_named("snds | sndash", constant(" – ")),
    **_named("esd | 0 | ensp | emsp | hairsp | fs", constant(" ")),
    **_named("pi", constant("π")),
    **_named("yes", lambda given: given.get(1) or ["Yes"]),
    **_named("won", lambda given: given.get(1) or ["Won"]),
    **_named("nom", lambda given: given.get(1) or ["Nominated"]),
    **_named("n/a | na", lambda given: given.get(1) or ["N/A"]),
    **_named("ship", _named_ship),
    **_named("sclass | sclass- | sclass2 | sclass2-", lambda given: [*given.get(1), "-class ", *given.get(2)]),
    **{
        prefix: _of_navy(prefix.upper())
        for prefix in ("uss", "hms", "ss", "rms", "hmas", "hmcs", "mv", "sms", "usns", "ins", "ijn")
    },
    **_named("inrconvert | indian rupees", wrapped("₹", "", 1)),
    **_named("hkd | hk$", wrapped("HK$", "", 1)),
    **_named("ntd | nt$ | twd", wrapped("NT$", "", 1)),
    **_named('\' " | " \' | -" | "- | "', lambda given: ['"']),
    **_named("bce", wrapped("", " BCE", 1)),
    **_named("ad", wrapped("AD ", "", 1)),
}

# `{{lang-en|word}}`, `{{link-en|本地|foreign}}`, `{{internal link helper/en|…}}`: a family for every language code
FAMILIES: tuple[tuple[str, Rendering], ...] = (
    ("lang-", argument(1, "text")),
    ("langx", argument(2, "text")),
    ("link-", argument(1)),
    ("internal link helper/", argument(1)),
    ("#tag:span", argument(1)),
    ("script/", argument(1)),
)


def rendering(name: str) -> Rendering | None:
    """How the template of this name is kept; None where it is dropped. `name` is in lower case."""
    found = TEMPLATES.get(name)
    if found is None:
        for prefix, family in FAMILIES:
            if name.startswith(prefix):
                return family
        if _CENTURY.fullmatch(name):
            return constant(f"{name[0 : name.index('e')].upper()}{name[name.index('e') :]}")
    return found


_CENTURY = re.compile(r"[ivx]{1,5}e siècle")

# `{{formatnum:1234}}`, `{{lc:Word}}`: what stands behind the colon
TRANSPARENT = ("formatnum:", "lc:", "uc:", "lcfirst:", "ucfirst:")
