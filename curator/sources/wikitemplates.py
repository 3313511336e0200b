"""What a template leaves in the text: most leave nothing (boxes, notices, citations), a few carry words of the sentence.

`TEMPLATES` names those few in lower case, by their names in the English, Chinese and other large Wikipedias. Everything
else, parser functions and citation templates included, is dropped: without the wiki's own template pages nobody can tell what
they say.
"""

from __future__ import annotations

import re

from curator.sources.wikiarguments import Arguments, Part, Rendering, argument, constant, join, joined, named, wrapped
from curator.sources.wikifigures import FIGURES, phonemes

GONE = "\x01"  # stands where a template was dropped, until the punctuation around it is mended
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
    return [*join([given.get(1), given.get(2)], " "), *([f" ({hull})"] if hull else [])]


def _century(given: Arguments) -> list[Part]:
    return [*given.get(1), "e siècle"]


_NOTES = {"flat": "♭", "b": "♭", "sharp": "♯", "#": "♯", "natural": "♮"}


def _nihongo(given: Arguments) -> list[Part]:
    inside = join([given.get(2), given.get(3)], ", ")
    return [*given.get(1), *([" (", *inside, ")"] if inside else [])]


def _as_of(given: Arguments) -> list[Part]:
    return ["as of " if "lc" in given.named else "As of ", *_date(given)]


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


def _forms(*keys: str) -> Rendering:
    """`{{jpn|j=日本語|hg=にほんご|rm=Nihongo}}`: the forms, one after the other."""
    return lambda given: join([given.get(key) for key in keys], ", ")


TEMPLATES: dict[str, Rendering] = {
    **FIGURES,
    **named("lang | color | colour | font color | fontcolor | colored text | colorsample", argument(2, "text")),
    **named("transl | transliteration | tlit | columns-list | script | rtl-lang", argument(-1)),
    **named(
        "nowrap | nobr | no wrap | small | smaller | big | larger | resize | em | strong | abbr | abbrlink"
        " | tooltip | h:title | mono | code | tt | kbd | var | mvar | math | samp | sic | smallcaps | sc"
        " | uc first | visible anchor | vanchor | ルビ | 小 | 大 | 不換行 | 不换行 | 僻字 | zy | ruby | rubyh | 注音"
        " | 拼音 | flag | flagcountry | flagu | 国旗 | 國旗 | country | plainlist | flatlist | not a typo | proper name"
        " | linktext | le | link-interwiki | internal link helper | 內部連結 | lj | le2 | ilh | 梵 | s-script"
        " | lang-zh-hans | lang-zh-hant | polytonic | unicode | ipa text | underline | u | strike | noitalic"
        " | nobold | noruby | ilnk | tl2 | pua | 生僻字 | 避免换行 | 避免換行 | 補字 | 补字 | nq | nastaliq"
        " | iast | msapi | enlink | format price | formatprice | stn | sta | rws | stnlnk | overline | nobreak",
        argument(1, "text", "content"),
    ),
    **named("ill | interlanguage link | ill2 | illm | interlanguage link multi", argument("lt", 1)),
    **named("tsl | translink | 译 | 譯", _translated),
    **named("illz | link-lang", _link_elsewhere),
    **named(
        "quote | blockquote | bquote | cquote | quotation | quote box | rquote | pull quote | centered pull quote"
        " | 引文 | 引言 | 引用 | poem quote | poemquote | verse translation | poem | 诗 | 詩",
        lambda given: ["<br>", *given.get("text", "quote", "content", 1), "<br>"],
    ),
    **named("sup | superscript", wrapped("<sup>", "</sup>", 1)),
    **named("sub | subscript", wrapped("<sub>", "</sub>", 1)),
    **named("chem | chem2 | ce", _chemical),
    **named("ubl | unbulleted list | hlist | plain list", joined(", ")),
    **named("jpn", _forms("j", "kanji", "hg", "kana", "rm")),
    **named("kor", _forms("k", "hg", "hj", "hanja", "rr", "rm")),
    **named("vie", _forms("v", "hn", "hantu")),
    **named("nihongo | nihongo2 | nihongo3 | 日語 | japanese", _nihongo),
    **named("zh | lang-zh | chinese | zh-cn | zh-tw | chinese name", _forms("c", "t", "s", "p", "w", "j", "poj", "1")),
    **named("noteta | noteta/lite", _rules_of_a_page),
    **named("as of", _as_of),
    **named("'s", constant("’s")),
    **named("' | -'", constant("'")),
    **named("! | |", constant("|")),
    **named("= | equals", constant("=")),
    **named("· | • | dot | middot | bullet | interpunct | ·w", constant(" · ")),
    **named("ndash | – | en dash", constant("–")),
    **named("mdash | — | em dash", constant("—")),
    **named("snd | spaced ndash | spnd | dash | spaced en dash", constant(" – ")),
    **named("nbsp | space | spaces | zwsp | thin space | thinsp | pad | gap | shy | wbr", constant(" ")),
    **named("x mark | cross | xmark", constant("✗")),
    **named("check mark | tick | yes check", constant("✓")),
    **named("sharp | #", constant("♯")),
    **named("flat", constant("♭")),
    **named("!bxt | —?", constant("—")),
    **named(
        "midsize | center | centre | block indent | sort under | legend text | ipa | ipatext | gk | greek | hebrew"
        " | hlb | nts | ntsh | number table sorting | citation needed span | cn span"
        " | fact span | clarify span | keypress1 | section link | slink | nihongo foot | sic2 | citation | aut"
        " | kapitälchen | versalete | petites capitales | comment | 仮リンク | 要出典範囲 | jis2004フォント"
        " | 補助漢字フォント | cjkフォント | 読み | нп | нп1 | нп2 | нп3 | нп4 | нп5 | нп6 | не переведено"
        " | не переведено 5 | не перекладено | nowrap begin | nbr | zh-hans | zh-hant | 專名號 | 专名号 | 書名號"
        " | 书名号 | 雙重書名號 | 下劃線 | 下划线 | kai | 楷体 | 楷體 | color1 | en-link | bo-textonly"
        " | angle bracket ipa",
        argument(1, "text"),
    ),
    **named("wikt-lang | m | legend | sort | llang | lang2 | foreign language | font | 标楷体", argument(2)),
    **named("langue | en langue", argument(2, "texte")),
    **named("etc. | etc", constant("etc.")),
    **named("latin | k-de | јез-нем | grec ancien | allemand | anglais", argument(1)),
    **named(
        "unité | nombre | tmp | date | date- | date de naissance | date de décès | sortname | bibleref | bibleref2", joined(" ")
    ),
    **named("bibleverse | bibleverse-lb | dab link | proper | days | date-1 | heure de | linktext", joined(" ")),
    **named("heure", joined(":")),
    **named("keypress | key press | key | kbdkey", joined("+")),
    **named("siècle | s- | s2 | sav", _century),
    **named("segle", wrapped("segle ", "", 1)),
    **named("siglo", wrapped("siglo ", "", 1)),
    **named("ier", constant("Ier")),
    **named("1er", constant("1er")),
    **named("1re", constant("1re")),
    **named("lien", argument("texte", "trad", "fr", 1)),
    **named("incise", wrapped("– ", " –", 1)),
    **named("読み仮名 | ruby-ja | 読み仮名 ruby不使用", lambda given: [*given.get(1), "（", *given.get(2), "）"]),
    **named("bd | 生卒 | 生卒年", _life),
    **named("start date | end date | dts | birth date | death date | birth-date | film date | date table sorting", _date),
    **named("start date and age | birth date and age | death date and age | bda", _date),
    **named("gaps", joined("")),
    **named("oldstyledate", lambda given: [*given.get(1), " [O.S. ", *given.get(3), "] ", *given.get(2)]),
    **named("eqm", constant("⇌")),
    **named("music", lambda given: [_NOTES.get(given.string(1).lower(), "")]),
    **named("mdashb", constant(" — ")),
    **named("snds | sndash", constant(" – ")),
    **named("esd | 0 | ensp | emsp | hairsp | fs", constant(" ")),
    **named("pi", constant("π")),
    **named("yes", lambda given: given.get(1) or ["Yes"]),
    **named("won", lambda given: given.get(1) or ["Won"]),
    **named("nom", lambda given: given.get(1) or ["Nominated"]),
    **named("n/a | na", lambda given: given.get(1) or ["N/A"]),
    **named("ship", _named_ship),
    **named("sclass | sclass- | sclass2 | sclass2-", lambda given: [*given.get(1), "-class ", *given.get(2)]),
    **{
        prefix: _of_navy(prefix.upper())
        for prefix in ("uss", "hms", "ss", "rms", "hmas", "hmcs", "mv", "sms", "usns", "ins", "ijn")
    },
    **named('\' " | " \' | -" | "- | "', lambda given: ['"']),
    **named("bce", wrapped("", " BCE", 1)),
    **named("ad", wrapped("AD ", "", 1)),
}

# `{{lang-en|word}}`, `{{link-en|本地|foreign}}`, `{{internal link helper/en|…}}`: a family for every language code
FAMILIES: tuple[tuple[str, Rendering], ...] = (
    ("lang-", argument(1, "text")),
    ("ipa-", wrapped("[", "]", 1)),
    ("ipac-en", phonemes),
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
