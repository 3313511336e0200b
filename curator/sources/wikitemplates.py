"""What a template leaves in the text: most leave nothing (boxes, notices, citations), a few carry words of the sentence.

`TEMPLATES` names those few, by English and Chinese Wikipedia's names and redirects, lower case. Everything else, parser
functions and citation templates included, is dropped: without the wiki's own template pages nobody can tell what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

GONE = "\x01"  # stands where a template was dropped, until the punctuation around it is mended
Span = tuple[int, int]  # of the wikitext, still to be converted
Part = str | Span  # finished text, or such a span


@dataclass
class Arguments:
    """A template's arguments, as spans of the wikitext."""

    positional: list[Span] = field(default_factory=list)
    named: dict[str, Span] = field(default_factory=dict)

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


def _convert(given: Arguments) -> list[Part]:
    """`{{convert|5|km|mi}}` reads "5 km": the measured value as the author gave it, without the computed one."""
    return _join([[span] for span in given.positional[:2]], " ")


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
    return ["as of " if "lc" in given.named else "As of ", *given.get(1)]


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
        "nowrap | nobr | no wrap | small | smaller | big | larger | resize | em | strong | abbr | abbrlink | tooltip |"
        " h:title | mono"
        " | code | tt | kbd | var | mvar | math | samp | sic | smallcaps | sc | uc first | visible anchor | vanchor | 小"
        " | 大 | 不換行"
        " | 不换行 | 僻字 | zy | ruby | rubyh | 注音 | 拼音 | flag | flagcountry | flagu | 国旗 | country | plainlist |"
        " flatlist"
        " | not a typo | proper name | linktext | le | link-interwiki | internal link helper | 內部連結 | lj | le2 | ilh"
        " | 梵 | s-script"
        " | lang-zh-hans | lang-zh-hant | polytonic | unicode | ipa text | underline | u | strike | noitalic | nobold |"
        " noruby | ilnk | tl2",
        argument(1, "text", "content"),
    ),
    **_named("ill | interlanguage link | ill2 | illm | interlanguage link multi", argument("lt", 1)),
    **_named("tsl | translink | 译 | 譯", _translated),
    **_named("illz | link-lang", _link_elsewhere),
    **_named(
        "quote | blockquote | bquote | cquote | quotation | quote box | rquote | pull quote | centered pull quote | 引文"
        " | 引言 | 引用"
        " | poem quote | poemquote | verse translation | poem | 诗 | 詩",
        lambda given: ["<br>", *given.get("text", "quote", "content", 1), "<br>"],
    ),
    **_named("sup | superscript", wrapped("<sup>", "</sup>", 1)),
    **_named("sub | subscript", wrapped("<sub>", "</sub>", 1)),
    **_named("frac | fraction | sfrac | vulgar fraction", _fraction),
    **_named("chem | chem2 | ce", joined("")),
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
    **_named("bce", wrapped("", " BCE", 1)),
    **_named("ad", wrapped("AD ", "", 1)),
}

# `{{lang-en|word}}`, `{{link-en|本地|foreign}}`, `{{internal link helper/en|…}}`: a family for every language code
FAMILIES: tuple[tuple[str, Rendering], ...] = (
    ("lang-", argument(1, "text")),
    ("langx", argument(2, "text")),
    ("link-", argument(1)),
    ("internal link helper/", argument(1)),
    ("formatnum:", argument(0)),
)


def rendering(name: str) -> Rendering | None:
    """How the template of this name is kept; None where it is dropped. `name` is in lower case."""
    found = TEMPLATES.get(name)
    if found is None:
        for prefix, family in FAMILIES:
            if name.startswith(prefix):
                return family
    return found
