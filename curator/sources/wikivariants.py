"""Language variant markup (`-{zh-hans:计算机;zh-hant:電腦}-`), resolved as MediaWiki's LanguageConverter does.

Markup is resolved last, on the text of a page without other markup, where OPEN and CLOSE stand for `-{` and `}-`. Inner markup
is resolved first and is part of the outer one's text. Rules with the flags A and H change the text that follows them, `-` takes
them back, T is the page's title, D describes a rule, N names a variant, R is raw text; what a variant lacks, its next of kin
gives. Where MediaWiki prints an error, because no form fits, the first form stands. Text outside is converted by the page's
rules and then by `wikiscripts`. Rules and fallbacks: MediaWiki's includes/language (LanguageConverter, ConverterRule) and
converters/ZhConverter, SrConverter.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

from curator.sources.wikiscripts import balance, converter

OPEN, CLOSE = "\x02", "\x03"
DEEPEST = 10  # as MediaWiki's own limit
LONGEST_WORD = 60  # of a rule that changes other places
MOST_WORDS = 20_000  # of a page; the largest group of rules of the Chinese Wikipedia has some 5,000

_CHINESE = ("zh", "zh-hans", "zh-hant", "zh-cn", "zh-hk", "zh-mo", "zh-my", "zh-sg", "zh-tw")
FALLBACKS: dict[str, tuple[str, ...]] = {
    "zh": ("zh-hans", "zh-hant", "zh-cn", "zh-tw", "zh-hk", "zh-sg", "zh-mo", "zh-my"),
    "zh-hans": ("zh-cn", "zh-sg", "zh-my"),
    "zh-hant": ("zh-tw", "zh-hk", "zh-mo"),
    "zh-cn": ("zh-hans", "zh-sg", "zh-my"),
    "zh-sg": ("zh-hans", "zh-cn", "zh-my"),
    "zh-my": ("zh-hans", "zh-sg", "zh-cn"),
    "zh-tw": ("zh-hant", "zh-hk", "zh-mo"),
    "zh-hk": ("zh-hant", "zh-mo", "zh-tw"),
    "zh-mo": ("zh-hant", "zh-hk", "zh-tw"),
    "sr": ("sr-ec", "sr-el"),
    "sr-ec": ("sr",),
    "sr-el": ("sr",),
}
_WITHOUT_WORDS = frozenset(["zh-hans", "zh-hant"])  # rules for both directions don't change the text of these two
_OTHERS = """
ban ban-x-dharma ban-x-palmleaf ban-x-pku crh crh-cyrl crh-latn en en-x-piglatin gan gan-hans gan-hant iu ike-cans ike-latn kk
kk-arab kk-cn kk-cyrl kk-kz kk-latn kk-tr ku ku-arab ku-latn mni mni-beng sh sh-cyrl sh-latn shi shi-latn shi-tfng tg tg-latn
tly tly-cyrl uz uz-cyrl uz-latn wuu wuu-hans wuu-hant zgh zgh-latn
"""
_NAMES = {
    "zh": "不转换",
    "zh-hans": "简体",
    "zh-hant": "繁體",
    "zh-cn": "大陆",
    "zh-hk": "香港",
    "zh-mo": "澳門",
    "zh-my": "大马",
    "zh-sg": "新加坡",
    "zh-tw": "台灣",
    "sr": "српски / srpski",
    "sr-ec": "српски (ћирилица)",
    "sr-el": "srpski (latinica)",
    "en": "English",
}
_STANDARD_NAMES = {  # of BCP 47
    "zh-hans-cn": "zh-cn",
    "zh-hans-sg": "zh-sg",
    "zh-hans-my": "zh-my",
    "zh-hant-tw": "zh-tw",
    "zh-hant-hk": "zh-hk",
    "zh-hant-mo": "zh-mo",
    "sr-cyrl": "sr-ec",
    "sr-latn": "sr-el",
}
CODES = {code: code for code in (*FALLBACKS, *_OTHERS.split())} | _STANDARD_NAMES
LANGUAGES = frozenset(code.partition("-")[0] for code in CODES) - {"en"}  # whose wikis have variants

_CODE = "|".join(sorted(CODES, key=lambda code: (-len(code), code)))
# A `;` ends a form only if a rule follows: it may be part of one.
_BORDER = re.compile(rf";\s*+(?=(?:{_CODE})\s*+:|[^;=]*+=>\s*+(?:{_CODE})\s*+:)", re.IGNORECASE)
_FLAGS = frozenset("ATRD-HN")


def code(name: str) -> str | None:
    return CODES.get(name.strip().lower())


class Rule:
    """One `-{flags|text}-`. `forms` hold a word in each variant, `words` what a word becomes in one (`a=>zh-tw:b`)."""

    def __init__(self, markup: str) -> None:
        before, bar, after = markup.partition("|")
        names = [name.strip() for name in before.split(";")] if bar else []
        self.flags = frozenset(name for name in names if name in _FLAGS)
        self.variants = [found for name in names if (found := code(name))]
        self.text = after if bar else markup
        self.forms: dict[str, str] = {}
        self.words: dict[str, dict[str, str]] = {}
        if self.raw:
            self.variants = [] if "R" in self.flags else self.variants
        elif "N" not in self.flags:
            self._parse()

    @property
    def raw(self) -> bool:
        return "R" in self.flags or (bool(self.variants) and not self.flags & set("N-H"))

    def _parse(self) -> None:
        for choice in _BORDER.split(self.text.rstrip("; \t\n")):
            name, colon, form = choice.partition(":")
            word, arrow, target = name.partition("=>")
            word, form, known = word.strip(), form.strip(), code(target if arrow else name)
            if not colon:  # as behind the last `;`
                continue
            if known is None:
                self.forms, self.words = {}, {}
                return
            if arrow:
                if word:
                    self.words.setdefault(known, {})[word] = form
            elif form:
                self.forms[known] = form

    def form(self, variant: str, preferred: tuple[str, ...] = ()) -> str | None:
        """The word for a variant, its own or that of its next of kin; the first where there is none. None without rules."""
        for candidate in (*preferred, variant, *FALLBACKS.get(variant, ())):
            if candidate in self.forms:
                return self.forms[candidate]
        if variant in self.words:
            return next(iter(self.words[variant].values()))
        if self.forms:
            return next(iter(self.forms.values()))
        return next((next(iter(words.values())) for words in self.words.values()), None)

    def changes(self, variant: str) -> Iterator[tuple[str, str]]:
        """What this rule makes of words elsewhere in the text."""
        forms = {each: word for each in _CHINESE if (word := self._nearest(each)) is not None} | self.forms
        if not forms and not self.words and self.text.strip():
            yield self.text, self.text  # `-{H|word}-`: the word stays
        if variant not in _WITHOUT_WORDS and variant in forms:
            for other, word in forms.items():
                if other != variant:
                    yield word, forms[variant]
        yield from self.words.get(variant, {}).items()

    def _nearest(self, variant: str) -> str | None:
        return next((self.forms[each] for each in (variant, *FALLBACKS[variant]) if each in self.forms), None)

    def description(self) -> str:
        both = [f"{_NAMES.get(each, each)}：{word}；" for each, word in self.forms.items()]
        one = [f"{a}⇒{_NAMES.get(each, each)}：{b}；" for each, words in self.words.items() for a, b in words.items()]
        return "".join(both + one)


class Words:
    """What a page's rules make of words, the longest first, in one walk over a text that no number of rules makes slower."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._lengths: dict[str, list[int]] = {}  # of the words that begin with a character, the longest first

    def __bool__(self) -> bool:
        return bool(self._words)

    def add(self, word: str, form: str) -> None:
        if not 0 < len(word) <= LONGEST_WORD or (len(self._words) >= MOST_WORDS and word not in self._words):
            return
        self._words[word] = form
        lengths = self._lengths.setdefault(word[0], [])
        if len(word) not in lengths:
            lengths.append(len(word))
            lengths.sort(reverse=True)

    def remove(self, word: str) -> None:
        self._words.pop(word, None)

    def replace(self, text: str, between: Callable[[str], str]) -> str:
        """With the words replaced, and `between` applied to the text between them. Pieces that are held (\\0 number \\0) are
        no words."""
        parts: list[str] = []
        lengths, words = self._lengths, self._words
        at = done = 0
        for place, character in enumerate(text):
            if place < at:
                continue
            if character == "\0":
                at = text.find("\0", place + 1) + 1 or len(text)
            elif character in lengths:
                for length in lengths[character]:
                    form = words.get(text[place : place + length])
                    if form is not None:
                        parts += (between(text[done:place]), form)
                        at = done = place + length
                        break
        parts.append(between(text[done:]))
        return "".join(parts)


_ADDRESS = re.compile(r"(?:(?:https?|ftps?|gopher|irc)://|www\.)[\w./?&=%#:~+@!,;-]++", re.ASCII)
_INNERMOST = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*+{CLOSE}")


class Page:
    """Resolves the markup of one page. `variant` of None is the page as its author wrote it: no text is converted, and of
    the forms that markup gives, those in the page's own script stand."""

    def __init__(self, variant: str | None) -> None:
        self._variant = variant
        self._words = Words()
        self._convert: Callable[[str], str] | None = None
        self._preferred: tuple[str, ...] | None = None
        self._text = ""
        self.title: str | None = None  # that a rule gives to the page

    def resolve(self, text: str) -> str:
        if self._variant is None and OPEN not in text and CLOSE not in text:
            return text
        if self._variant is not None:
            self._convert = converter(self._variant, _INNERMOST.sub("", text))
        self._text = text
        stack: list[list[str]] = []
        out: list[str] = []
        too_deep = 0
        for piece in re.split(f"([{OPEN}{CLOSE}])", text):
            if piece == OPEN and len(stack) < DEEPEST:
                stack.append([])
            elif piece == OPEN:
                too_deep += 1
            elif piece == CLOSE and too_deep:
                too_deep -= 1
            elif piece == CLOSE:
                if stack:
                    shown = self._apply(Rule("".join(stack.pop())))
                    (stack[-1] if stack else out).append(shown)
            elif piece:
                (stack[-1] if stack else out).append(piece if stack else self.converted(piece))
        out += [self.converted("".join(unfinished)) for unfinished in stack]
        return "".join(out)

    def converted(self, text: str) -> str:
        """Text without markup, by the rules met so far."""
        convert = self._convert
        if convert is None or not text:
            return text
        parts: list[str] = []
        done = 0
        for address in _ADDRESS.finditer(text) if "://" in text or "www." in text else ():
            parts += (self._prose(text[done : address.start()], convert), address[0])
            done = address.end()
        parts.append(self._prose(text[done:], convert))
        return "".join(parts)

    def _prose(self, text: str, convert: Callable[[str], str]) -> str:
        return self._words.replace(text, convert) if self._words else convert(text)

    def _apply(self, rule: Rule) -> str:
        """What stands in the markup's place; its effects on the rest of the page."""
        flags, variant = rule.flags, self._variant or "zh"
        if rule.raw:
            return self._for_variants(rule)
        if "N" in flags:
            return _NAMES.get(rule.text.strip().lower(), "")
        shown = rule.form(variant, self._own_script() if rule.forms else ())
        if "-" in flags:
            for word, _ in rule.changes(variant):
                self._words.remove(word)
            return ""
        if "T" in flags:
            given = rule.text.strip() if shown is None else shown
            self.title = given if self._variant else rule.forms.get("zh", self.title)
        if "H" in flags or "A" in flags:
            if shown is None and "H" not in flags:
                shown = rule.text
            for word, form in rule.changes(variant) if self._variant else ():
                self._words.add(word, form)
        if shown is None and not flags & set("AHT"):
            return rule.text
        if "D" in flags:
            return "" if "A" in flags and "H" not in flags else rule.description()
        if "H" in flags or ("T" in flags and "A" not in flags):
            return ""
        return shown or ""

    def _for_variants(self, rule: Rule) -> str:
        """`-{zh-hans;zh-hant|text}-`: converted if the variant, or its kin, is among them; raw text otherwise."""
        variant = self._variant
        if variant and not {variant, *FALLBACKS.get(variant, ())}.isdisjoint(rule.variants):
            return self.converted(rule.text)
        return rule.text

    def _own_script(self) -> tuple[str, ...]:
        if self._variant is not None:
            return ()
        if self._preferred is None:
            self._preferred = _of_script(balance(_INNERMOST.sub("", self._text)) < 0)
        return self._preferred


@functools.cache
def _of_script(traditional: bool) -> tuple[str, ...]:
    first = "zh-hant" if traditional else "zh-hans"
    return (first, *FALLBACKS[first], "sr-ec" if not traditional else "sr-el")
