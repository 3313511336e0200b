"""Formulas that a page gives as MathML alone, to TeX: what is drawn by a browser would be lost as text.

A formula whose author gave the source (`alttext`, an annotation) keeps that, see `tree`. The common part of presentation
MathML is known (W3C, MathML Core); of the rest the text stays. Each formula is bounded in length and depth.
"""

from __future__ import annotations

import html as entities
import re
import unicodedata
from dataclasses import dataclass, field

_LONGEST, _DEEPEST = 20_000, 60
_PIECE = re.compile(r"<(/?)([a-z]+)([^<>]{0,2000})>|([^<]+)")
_PREFIX = re.compile(r"<(/?)(?:m|mml|mathml):(?=[a-z])")  # of XML's namespaces
_ANNOTATION = re.compile(r"<annotation[^<>]{0,200}x-tex[^<>]{0,200}>([^<]*)</annotation>", re.IGNORECASE)
_LIKE_TEX = re.compile(r"[\\^_{]")
_FENCES = (("open", "("), ("close", ")"), ("separators", ","))
_SPACES = re.compile(r"\s+")
_NAMED = {
    "∑": "sum", "∏": "prod", "∫": "int", "∮": "oint", "≤": "le", "≥": "ge", "≠": "ne", "∞": "infty", "→": "to", "×": "times",
    "⋅": "cdot", "∂": "partial", "∇": "nabla", "∈": "in", "∉": "notin", "⊂": "subset", "∪": "cup", "∩": "cap", "≈": "approx",
    "∀": "forall", "∃": "exists", "≡": "equiv", "∝": "propto", "√": "surd", "…": "dots", "⋯": "cdots", "⇒": "Rightarrow",
    "←": "leftarrow", "↔": "leftrightarrow", "ℝ": "mathbb{R}", "ℕ": "mathbb{N}", "ℤ": "mathbb{Z}",
}  # fmt: skip
_FUNCTIONS = {
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln", "exp", "lim",
    "max", "min", "sup", "inf", "det", "gcd",
}  # fmt: skip
# function application, invisible times and their like
_UNSEEN = dict.fromkeys(map(ord, "\u2061\u2062\u2063\u2064\u200b\ufeff"))
_PAIRS = {"mfrac": r"\frac{%s}{%s}", "msup": "{%s}^{%s}", "msub": "{%s}_{%s}"}


@dataclass
class _Element:
    name: str
    bold: bool = False
    bare: bool = False  # a fraction without its line
    fences: tuple[str, str, str] = ("(", ")", ",")  # of `mfenced`: before, behind and between
    parts: list[_Element | str] = field(default_factory=list)


def written(page: str) -> str:
    """A page in which every formula is text: its TeX between `$`, or `$$` where it stands alone. That is its annotation, its
    `alttext` if this is TeX, and not words for a screen reader, or what its MathML says."""
    page = _PREFIX.sub(r"<\1", page)
    parts, at = [], 0
    while (start := page.find("<math", at)) >= 0 and (end := page.find("</math>", start)) >= 0:
        inside = page.find(">", start, end) + 1
        attributes, formula = page[start + 5 : inside - 1], page[inside:end]
        annotation = _ANNOTATION.search(formula)
        said = entities.unescape(annotation[1]) if annotation else _attribute(attributes, "alttext", "")
        if not annotation and not _LIKE_TEX.search(said) and len(formula) <= _LONGEST:
            said = tex(formula) or said
        marks = "$$" if _attribute(attributes, "display", "") == "block" else "$"
        said = entities.escape(" ".join(said.split()), quote=False)
        parts += [page[at:start], f"{marks}{said}{marks}" if said else ""]
        at = end + len("</math>")
    return "".join([*parts, page[at:]])


def _attribute(attributes: str, name: str, missing: str) -> str:
    found = re.search(rf"""(?<![\w-]){name}\s*=\s*(?:"([^"]*)"|'([^']*)')""", attributes)
    return entities.unescape(found[1] if found[1] is not None else found[2]) if found else missing


def with_sources(page: str) -> str:
    """A serialised page in which every formula without a source has one as its `alttext`."""
    parts, at = [], 0
    while (start := page.find("<math", at)) >= 0 and (end := page.find("</math>", start)) >= 0:
        inside = page.find(">", start, end) + 1
        attributes = page[start + 5 : inside - 1]
        whole = inside > 0 and not attributes[:1].strip()  # no other name that begins so
        if whole and end - inside <= _LONGEST and "alttext=" not in attributes and "x-tex" not in page[inside:end]:
            source = " ".join(tex(page[inside:end]).split())
            parts += [page[at : start + 5], f' alttext="{entities.escape(source)}"' if source else "", page[start + 5 : end]]
        else:
            parts.append(page[at:end])
        at = end
    return "".join([*parts, page[at:]])


def tex(inside: str) -> str:
    """What stands inside of `<math>`, as TeX."""
    first, *commented = inside.split("<!--")
    inside = first + "".join(part.partition("-->")[2] for part in commented)
    root = _Element("math")
    opened = [root]
    for closing, name, attributes, text in _PIECE.findall(inside):
        if text:
            opened[-1].parts.append(entities.unescape(text))
        elif not closing:
            element = _Element(name, 'mathvariant="bold"' in attributes, 'linethickness="0' in attributes)
            if name == "mfenced":
                element.fences = tuple(_attribute(attributes, key, usual) for key, usual in _FENCES)  # type: ignore[assignment]
            opened[-1].parts.append(element)
            if not attributes.endswith("/"):
                opened.append(element)
                if len(opened) > _DEEPEST:
                    return " ".join(entities.unescape(text) for *_, text in _PIECE.findall(inside))
        elif len(opened) > 1 and opened[-1].name == name:
            opened.pop()
    return _tex(root)


def _tex(element: _Element) -> str:
    name = element.name
    if name in ("mi", "mn", "mo", "mtext", "ms"):
        text = _token(name, "".join(part if isinstance(part, str) else _tex(part) for part in element.parts))
        return rf"\mathbf{{{text}}}" if element.bold and text else text
    children = [part for part in element.parts if isinstance(part, _Element)]
    parts = [_tex(child) for child in children]
    if element.bare and len(parts) == 2:
        return rf"\binom{{{parts[0]}}}{{{parts[1]}}}"
    if name in _PAIRS and len(parts) == 2:
        return _PAIRS[name] % tuple(parts)
    if name == "msubsup" and len(parts) == 3:
        return "{{{}}}_{{{}}}^{{{}}}".format(*parts)
    if name == "msqrt":
        return r"\sqrt{" + "".join(parts) + "}"
    if name == "mroot" and len(parts) == 2:
        return rf"\sqrt[{parts[1]}]{{{parts[0]}}}"
    if name in ("munder", "mover", "munderover") and len(parts) == 2 + (name == "munderover"):
        return _stacked(name, parts)
    if name == "mtable":
        rows = [" & ".join(_tex(cell) for cell in row.parts if isinstance(cell, _Element)) for row in children]
        columns = max((row.count(" & ") + 1 for row in rows), default=1)
        return rf"\begin{{array}}{{{'c' * columns}}}" + r" \\ ".join(rows) + r"\end{array}"
    if name == "mfenced":
        before, behind, between = (_token("mo", fence) for fence in element.fences)
        return before + between[:1].join(parts) + behind
    if name == "semantics":
        return parts[0] if parts else ""
    return "" if name in ("annotation", "annotation-xml", "mphantom") else "".join(parts)


def _stacked(name: str, parts: list[str]) -> str:
    if parts[0].rstrip().startswith((r"\sum", r"\prod", r"\int", r"\lim", r"\max", r"\min", r"\sup", r"\inf")):
        low = "" if name == "mover" else f"_{{{parts[1]}}}"
        return parts[0].rstrip() + low + ("" if name == "munder" else f"^{{{parts[-1]}}}")
    text = parts[0]
    if name != "mover":
        text = rf"\underset{{{parts[1]}}}{{{text}}}"
    return text if name == "munder" else rf"\stackrel{{{parts[-1]}}}{{{text}}}"


def _token(name: str, text: str) -> str:
    text = _SPACES.sub(" ", text.translate(_UNSEEN))
    if name in ("mtext", "ms"):
        return rf"\text{{{text}}}" if text.strip() else text
    text = text.strip()
    if text in _FUNCTIONS:
        return rf"\{text} "
    if name == "mi" and len(text) > 1 and text.isascii() and text.isalpha():
        return rf"\mathrm{{{text}}}"
    return "".join(_character(ch) for ch in text)


def _character(ch: str) -> str:
    if ch in _NAMED:
        return rf"\{_NAMED[ch]} "
    words = unicodedata.name(ch, "").split()
    if words[:1] == ["GREEK"] and words[2:3] == ["LETTER"] and len(words) == 4:
        word = words[3].lower().replace("lamda", "lambda")
        return rf"\{word if words[1] == 'SMALL' else word.capitalize()} "
    return "\\" + ch if ch in "{}%&#" else "-" if ch == "\u2212" else ch
