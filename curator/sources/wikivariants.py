"""Language variant markup of the Chinese wikis: `-{zh-hans:计算机;zh-hant:電腦}-`.

The basic forms: rules by variant, `X=>zh-tw:Y`, text that must not be converted, and flags. Which form another variant
falls back to follows MediaWiki's Chinese converter (includes/language/converters/ZhConverter).
"""

from __future__ import annotations

import re

from curator.sources.wikitemplates import Part, Span

_HANS = ("zh-hans", "zh-cn", "zh-sg", "zh-my", "zh")
_HANT = ("zh-hant", "zh-tw", "zh-hk", "zh-mo", "zh")
FALLBACKS: dict[str | None, tuple[str, ...]] = {
    None: ("zh", "zh-hans", "zh-hant", "zh-cn", "zh-tw", "zh-hk", "zh-sg", "zh-mo", "zh-my"),
    "zh-hans": _HANS,
    "zh-cn": ("zh-cn", *_HANS),
    "zh-sg": ("zh-sg", "zh-my", *_HANS),
    "zh-my": ("zh-my", "zh-sg", *_HANS),
    "zh-hant": _HANT,
    "zh-tw": ("zh-tw", *_HANT),
    "zh-hk": ("zh-hk", "zh-mo", *_HANT),
    "zh-mo": ("zh-mo", "zh-hk", *_HANT),
}

LONGEST_FLAGS = 60
_FLAGS = re.compile(r"[A-Z+;\s-]*+(?:zh(?:-[a-z]+)?[;\s]*+)*+", re.IGNORECASE)
_RULE = re.compile(r"\s*+(?:[^;:=]{0,200}+=>\s*+)?(zh(?:-(?:hans|hant|cn|tw|hk|mo|sg|my))?)\s*+:\s*+", re.IGNORECASE)


def is_flags(text: str) -> bool:
    """Whether what stands before the first `|` are flags, rather than the target of a link."""
    return _FLAGS.fullmatch(text) is not None


def is_silent(flags: str) -> bool:
    """Rules that change other places (`H`, `-`) or the page's title (`T`), or describe themselves (`D`): no text here."""
    return any(flag.strip().upper() in ("H", "T", "-", "D") for flag in flags.split(";"))


def rules(text: str, start: int, stop: int, semicolons: list[int]) -> dict[str, Span]:
    """Where the form of each variant stands; empty if this is plain text between `-{` and `}-`. A `;` ends a form only if a
    rule follows, so that one inside of a form is kept."""
    found = [m for at in (start - 1, *semicolons) if (m := _RULE.match(text, at + 1, stop))]
    borders = [rule.start() - 1 for rule in found[1:]] + [stop]
    forms: dict[str, Span] = {}
    for rule, border in zip(found, borders):
        end = max(border, rule.end())
        while end > rule.end() and text[end - 1] in "; \t\n":
            end -= 1
        forms.setdefault(rule[1].lower(), (rule.end(), end))
    return forms if found and found[0].start() == start else {}


def choose(forms: dict[str, Span], variant: str | None) -> Part:
    """The form for a variant: its own, the nearest one's, or the first."""
    for candidate in FALLBACKS[variant]:
        if candidate in forms:
            return forms[candidate]
    return next(iter(forms.values()))
