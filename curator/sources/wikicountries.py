"""Countries that a wiki names by templates: `{{USA}}`, `{{flag|FRA}}`, `{{flag|France}}` beside a flag.

countries.tsv: the codes of ISO 3166-1 (alpha-3); names in English and in the Chinese of the mainland, Taiwan and Hong Kong, of
Unicode CLDR as Babel 2.18 has it (Unicode License v3), with the common names that Wikipedia's own tables print for some twenty.
"""

from __future__ import annotations

import functools
from pathlib import Path

from curator.sources.wikivariants import CLOSE, OPEN

_TABLE = Path(__file__).parent / "countries.tsv"
_VARIANTS = ("zh-cn", "zh-tw", "zh-hk")
ENGLISH, CHINESE = ("en", "simple"), ("zh",)
FLAGS = frozenset(["flag", "flagcountry", "flagu", "国旗", "國旗"])  # that print a name behind the flag


def name(said: str, language: str | None) -> str | None:
    """What a wiki in this language calls a country, by its code, or in Chinese by its English name too; None if that is not
    known here. Chinese names are in variant markup."""
    if language in ENGLISH:
        return _english().get(said)
    return _chinese().get(said) if language in CHINESE else None


def of_template(said: str, language: str | None) -> str | None:
    """The name that `{{AUT}}` prints: in capitals, for `{{aut}}` is another template; and no country's name, for `{{Austria}}`
    is a box."""
    return name(said, language) if len(said) == 3 else None


@functools.cache
def _rows() -> list[list[str]]:
    return [line.split("\t") for line in _TABLE.read_text(encoding="utf-8").splitlines()]


@functools.cache
def _english() -> dict[str, str]:
    return {code: english for code, english, *_ in _rows()}


@functools.cache
def _chinese() -> dict[str, str]:
    found: dict[str, str] = {}
    for code, english, *names in _rows():
        rules = ";".join(f"{variant}:{name}" for variant, name in zip(_VARIANTS, names, strict=True))
        found[code] = found[english] = f"{OPEN}{rules}{CLOSE}"
    return found
