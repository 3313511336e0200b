"""`normalize`: one spelling for what looks the same, and nothing that cannot be seen."""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

Form = Literal["NFC", "NFKC", "none"]
Script = Literal["keep", "Hans", "Hant"]

# What no text needs: control characters but tab and line ends, soft hyphen, zero-width and bidirectional marks, byte order
# marks, interlinear annotation, noncharacters. The marks that some scripts do need are told apart below.
_INVISIBLE = (
    r"\x00-\x08\x0E-\x1F\x7F-\x84\x86-\x9F\xAD\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB\uFFFE\uFFFF"
)
_LINE_ENDS = r"\r\x0B\x0C\x85\u2028\u2029"
_SPACES = r"\xA0\u1680\u2000-\u200A\u202F\u205F\u3000"
_WIDE = r"\uFF10-\uFF19\uFF21-\uFF3A\uFF41-\uFF5A"

_INVISIBLE_RUN = re.compile(f"[{_INVISIBLE}]+")
_WIDE_TO_HALF = {
    c: c - 0xFEE0 for first, last in ((0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A)) for c in range(first, last + 1)
}

# In RE2: what the layout rules change, and the characters that OpenCC may.
_LAYOUT = r"[ \t]\n|[ \t]\z|\n\n\n"
_HAN = r"[\x{2E80}-\x{2FDF}\x{3400}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{323AF}]"

# Zero-width (non-)joiners shape letters of Arabic, Syriac, Thaana, N'Ko, the Indic scripts, Sinhala, Khmer, Myanmar, Mongolian,
# and hold emoji together; zero-width spaces separate words of Thai, Lao, Tibetan, Myanmar, Khmer.
_SHAPED = r"\u0600-\u0E00\u0F00-\u109F\u1780-\u18AF\uFB50-\uFDFF\uFE70-\uFEFC"
_JOINED = re.compile(f"[{_SHAPED}\u00a9\u00ae\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]")
_UNSPACED = re.compile(r"[\u0E00-\u109F\u1780-\u17FF]")
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]")
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# Chinese set out letter by letter (另 外 ， 九 龍 城 28 號), as some newsrooms and advertisers do; eight in a row are no list.
_SET_OUT = rf"{_HAN} (?:(?:{_HAN}|[\x{{3001}}-\x{{301F}}\x{{FF01}}-\x{{FF20}}“”‘’…—·]) ){{7}}"
_ONE = r"[\u3001-\u301F\u3400-\u9FFF\uF900-\uFAFF\uFF01-\uFF20“”‘’…—·\U00020000-\U000323AF]"
_RUN = re.compile(rf"{_ONE} (?:{_ONE} ){{7}}(?:(?:{_ONE}|[0-9A-Za-z][0-9A-Za-z.,:%/-]*+) )*+{_ONE}?")
_SPACE_BESIDE = re.compile(rf" (?={_ONE})|(?<={_ONE}) ")

# Chinese punctuation that NFKC would turn into ASCII or spell out.
_KEPT_FROM_NFKC = re.compile(
    r"[\u2025\u2026\u3000-\u303F\uFE10-\uFE1F\uFE30-\uFE4F\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+"
)


@dataclass(frozen=True, kw_only=True)
class Normalize:
    """Bring text into one form and repair nothing else.

    Unicode normalisation (`form`; NFKC leaves Chinese punctuation alone), Chinese into one script (`script`, by OpenCC; limit
    it to Chinese documents with `where:`), full-width ASCII letters and digits to half width (`half_width`; never punctuation),
    one kind of line end, no control, zero-width or direction characters where no script needs them, every kind of space as
    the ASCII space (ideographic indentation is dropped), no spaces at line ends, at most one blank line, Chinese that is set
    out letter by letter closed up. Tabs and leading ASCII spaces stay, but code needs more than that: leave it out with
    `only:`. A text that needs nothing is found by one regular expression and returned as it is.
    """

    form: Form = "NFC"
    script: Script = "keep"
    half_width: bool = True

    revision: ClassVar[int] = 2
    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    writes: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.string()}

    @property
    def libraries(self) -> tuple[str, ...]:
        return () if self.script == "keep" else ("opencc",)

    def files(self) -> Sequence[str]:
        return ()

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        text = _where(docs.column("text"), _characters(self.form, self.half_width), self._respelled)
        if self.script != "keep":
            text = _where(text, _HAN, _each(_converter(self.script)))
        if pc.any(pc.or_(pc.starts_with(text, "\n"), pc.ends_with(text, "\n"))).as_py():
            text = pc.utf8_trim(text, "\n")
        return {"text": _where(text, _LAYOUT, _laid_out)}

    def _respelled(self, text: pa.Array) -> pa.Array:
        """Arrow's own kernels, and text by text only what depends on neighbours or on Unicode's tables."""
        text = pc.replace_substring_regex(text, rf"\r\n|[{_re2(_LINE_ENDS)}]", "\n")
        text = _where(text, f"[{_re2(_INVISIBLE)}]", _each(_without_invisible))
        if self.half_width:
            text = _where(text, f"[{_re2(_WIDE)}]", _each(lambda t: t.translate(_WIDE_TO_HALF)))
        if self.form != "none":
            compose = _nfkc if self.form == "NFKC" else functools.partial(unicodedata.normalize, "NFC")
            text = _where(text, f"[{_unstable(self.form)}]", _each(compose))
        spaces = f"[{_re2(_SPACES)}]+"
        text = pc.replace_substring_regex(text, f"(?m)^{spaces}", "")
        text = pc.replace_substring_regex(text, spaces, " ")
        return _where(text, _SET_OUT, _each(lambda t: _RUN.sub(lambda run: _SPACE_BESIDE.sub("", run[0]), t)))


def _laid_out(text: pa.Array) -> pa.Array:
    text = pc.replace_substring_regex(text, r"[ \t]+(\n|\z)", r"\1")
    return pc.utf8_trim(pc.replace_substring_regex(text, r"\n\n\n+", "\n\n"), "\n")


def _where(text: pa.Array, pattern: str, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """`change` of the texts in which `pattern` (RE2) occurs; the others, and nulls, as they are."""
    touched = pc.fill_null(pc.match_substring_regex(text, pattern), False)
    if not pc.any(touched).as_py():
        return text
    return pc.replace_with_mask(text, touched, change(text.filter(touched)))


def _each(change: Callable[[str], str]) -> Callable[[pa.Array], pa.Array]:
    return lambda text: pa.array(map(change, text.to_pylist()), pa.string())


def _without_invisible(text: str) -> str:
    """Drop what cannot be seen, but for joiners and direction marks beside letters that they shape or order."""
    directed = _RIGHT_TO_LEFT.search(text) is not None

    def keep(found: re.Match[str]) -> str:
        before, after = text[found.start() - 1 : found.start()] if found.start() else "", text[found.end() : found.end() + 1]
        kept = []
        for mark in found[0]:
            if mark in "\u200c\u200d":
                needed = _JOINED.match(before) and (_JOINED.match(after) or after in ("", " ", "\n"))
            elif mark == "\u200b":
                needed = _UNSPACED.match(before) and _UNSPACED.match(after)
            else:
                needed = directed and mark in _DIRECTIONS
            if needed and mark not in kept:
                kept.append(mark)
        return "".join(kept)

    return _INVISIBLE_RUN.sub(keep, text)


def _nfkc(text: str) -> str:
    """NFKC between the stretches of Chinese punctuation."""
    parts, at = [], 0
    for kept in _KEPT_FROM_NFKC.finditer(text):
        parts += [unicodedata.normalize("NFKC", text[at : kept.start()]), kept[0]]
        at = kept.end()
    return "".join([*parts, unicodedata.normalize("NFKC", text[at:])])


@functools.cache
def _converter(script: Script) -> Callable[[str], str]:
    from opencc import OpenCC

    return OpenCC("t2s" if script == "Hans" else "s2t").convert


@functools.cache
def _characters(form: Form, half_width: bool) -> str:
    """A pattern of the characters that `_respelled` may change."""
    named = _re2(f"{_INVISIBLE}{_LINE_ENDS}{_SPACES}" + (_WIDE if half_width else ""))
    return f"[{named}{'' if form == 'none' else _unstable(form)}]|{_SET_OUT}"


def _re2(characters: str) -> str:
    return re.sub(r"\\(?:x([0-9A-F]{2})|u([0-9A-F]{4})|U([0-9A-F]{8}))", lambda m: rf"\x{{{m[1] or m[2] or m[3]}}}", characters)


@functools.cache
def _unstable(form: Literal["NFC", "NFKC"]) -> str:
    """The characters that normalisation may change: those it maps alone, and those that combine with what is before them."""
    points = [
        p
        for p in range(0x80, sys.maxunicode + 1)
        if not 0xD800 <= p <= 0xDFFF
        and not (form == "NFKC" and _KEPT_FROM_NFKC.match(chr(p)))
        and (unicodedata.combining(c := chr(p)) or unicodedata.normalize(form, c) != c)
    ]
    points += [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]  # Hangul vowels and finals join what is before them
    points += [p for p in _second_halves() if p >= 0x80]
    merged: list[list[int]] = []
    for p in sorted(set(points)):
        if merged and p == merged[-1][1] + 1:
            merged[-1][1] = p
        else:
            merged.append([p, p])
    return "".join(rf"\x{{{a:X}}}-\x{{{b:X}}}" for a, b in merged)


def _second_halves() -> set[int]:
    """Characters of combining class 0 that compose with the one before them (some Indic vowel signs)."""
    found = set()
    for p in range(0x80, sys.maxunicode + 1):
        parts = unicodedata.decomposition(chr(p)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(int(parts[1], 16))
    return found
