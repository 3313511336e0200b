r"""A paper's LaTeX to text: sections as headings, formulas as LaTeX, lists, tables, captions; the preamble, comments, labels,
pictures and the bibliography go. Title, authors and abstract are found on the way.

What goes follows RedPajama's arxiv_cleaner.py (comments, all before the text, `\bibliography` and `thebibliography` with what
follows, an author's macros expanded): the form `latex` is such cleaned LaTeX, where the appendix goes too unless it is asked
for. Unlike there, macros with arguments are expanded, files are joined where `\input` stands, and a paper without sections is
no empty paper. `markdown` and `text` read on: the text that a reader sees.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from curator.sources import latex_marks as marks
from curator.sources.latex_arguments import Arguments
from curator.sources.latex_macros import Expander
from curator.sources.latex_numbers import Numbers
from curator.sources.latex_prose import accented, keep, names, quoted, tidy, tidy_source
from curator.sources.latex_tokens import PARAGRAPH, VERBATIM, source_of
from curator.sources.latex_units import unit

Form = Literal["markdown", "text", "latex"]
MOST_TOKENS = 1_000_000  # of a source, and again of what its macros write: a long paper has 300,000
_GROWTH = 20  # of a source by its macros, at most: real papers stay under 2
_DEEPEST = 60  # arguments inside of arguments
_MOST_AUTHORS = 200
_ENDS = ("\\bibliography", "\\printbibliography", "\\begin{thebibliography}", "\\begin{references}", "\\begin{REFERENCES}")
_SECTIONS = ("\\section", "\\section*", "\\chapter", "\\appendix", "\\begin{appendices}")  # may stand behind a bibliography


@dataclass
class Paper:
    text: str
    title: str | None = None
    authors: list[str] = field(default_factory=list)
    abstract: str | None = None
    exhausted: bool = False  # macros were expanded only up to a bound


def read_paper(
    found: Sequence[str], form: Form = "markdown", math: bool = True, appendix: bool = True, most_tokens: int = MOST_TOKENS
) -> Paper:
    """The paper in the tokens of a source whose inputs are inlined."""
    expander = Expander(min(most_tokens, _GROWTH * len(found) + 50_000))
    found = expander.expand(found[:most_tokens])
    reader = _Reader(found, form, math)
    body = reader.body(appendix)
    title, authors, abstract = reader.about()
    if form == "latex":
        text = tidy_source(source_of(found[body[0] : body[1]]))
    else:
        head = [f"# {title}" if form == "markdown" else title] if title else []
        head += [abstract] if abstract else []
        text = tidy("\n\n".join([*head, reader.render(*body)]))
    return Paper(text, title, authors, abstract, expander.exhausted)


class _Reader(Arguments):
    """Renders expanded tokens."""

    def __init__(self, found: Sequence[str], form: Form, math: bool) -> None:
        super().__init__(found)
        self.markdown = form == "markdown"
        self.math = math
        self.numbers = Numbers(found, self.ends)
        self._closing = {mark: [at for at, token in enumerate(found) if token == mark] for mark in ("$", "$$", "\\]", "\\)")}
        self._left_out: set[int] = set()  # title, abstract …, which stand in front
        self._most = 4 * len(found) + 1000  # tokens that are looked at: what is nested is looked at more than once

    # -------------------------------------------------------------------------------------------------------- the parts

    def body(self, appendix: bool) -> tuple[int, int]:
        """Where the text begins and ends."""
        found = self.found
        start = next((at + 1 for at, token in enumerate(found) if token == "\\begin{document}"), 0)
        if not start:
            start = self._after_preamble()
        stops = ("\\end{document}", *(() if appendix else ("\\appendix", "\\begin{appendices}")))
        end = next((at for at in range(start, len(found)) if found[at] in stops or found[at] in ("\\bye",)), len(found))
        goes_on = max((at for at in range(start, end) if found[at] in _SECTIONS), default=-1) if appendix else -1
        first = next((at for at in range(max(start, goes_on), end) if found[at] in _ENDS), end)
        return start, first

    def _after_preamble(self) -> int:
        return next((at for at, token in enumerate(self.found) if token in ("\\section", "\\chapter", "\\beginsection")), 0)

    def about(self) -> tuple[str | None, list[str], str | None]:
        title: str | None = None
        authors: list[str] = []
        abstract: str | None = None
        for at, token in enumerate(self.found):
            if token in ("\\title", "\\icmltitle") and title is None:
                title = self._mark(at)
            elif token in ("\\author", "\\IEEEauthorblockN", "\\icmlauthor", "\\name") and len(authors) < _MOST_AUTHORS:
                authors += names(self._mark(at) or "")
            elif token == "\\abstract" and abstract is None:
                abstract = self._mark(at)
            elif token == "\\begin{abstract}" and abstract is None and self.ends[at] >= 0:
                abstract = self.render(at + 1, self.ends[at]) or None
                self._left_out.add(at)
        title = " ".join(title.split()) if title else None
        return title or None, list(dict.fromkeys(authors))[:_MOST_AUTHORS], tidy(abstract) if abstract else None

    def _mark(self, at: int) -> str | None:
        """The argument of a command that then stands no more in the text."""
        inner, _ = self.argument(self.skip_option(at + 1))
        if not inner:
            return None
        text = self.render(*inner)
        self._left_out.add(at)
        return text.strip() or None

    # --------------------------------------------------------------------------------------------------------- rendering

    def render(self, start: int, end: int, depth: int = 0) -> str:
        out: list[str] = []
        environments: list[list[str | int]] = []
        at = start
        while at < end and self._most > 0:
            self._most -= 1
            at = self._next(at, end, out, environments, depth)
        text = "".join(out)
        return quoted(text) if depth == 0 else text

    def _next(self, at: int, end: int, out: list[str], environments: list[list[str | int]], depth: int) -> int:
        token = self.found[at]
        first = token[0]
        if first == "\\" and len(token) > 1:
            if token.startswith("\\begin{"):
                return self._begin(at, end, out, environments, depth)
            if token.startswith("\\end{"):
                if environments and environments[-1][0] == token[5:-1]:
                    environments.pop()
                    out.append("\n" if environments and str(environments[-1][0]).rstrip("*") in marks.LISTS else PARAGRAPH)
                return at + 1
            return self._command(at, end, out, environments, depth)
        if first == "$":
            return self._dollars(at, end, out)
        if first == VERBATIM:
            out.append(self._verbatim(*token[1:].split(VERBATIM, 1)))
        elif token == "\n":
            out.append(" ")
        elif token in marks.SYMBOLS:
            out.append(marks.SYMBOLS[token])
        elif token not in ("{", "}") and first != "#":
            out.append(token)
        return at + 1

    def _verbatim(self, environment: str, text: str) -> str:
        if not environment:
            return keep(text)
        kept = keep(f"```\n{text.rstrip()}\n```" if self.markdown else text.rstrip())
        return f"\n\n{kept}\n\n" if text.strip() else PARAGRAPH

    # ------------------------------------------------------------------------------------------------------ environments

    def _begin(self, at: int, end: int, out: list[str], environments: list[list[str | int]], depth: int) -> int:
        name = self.found[at][7:-1]
        base = name.rstrip("*")
        ended = 0 <= self.ends[at] < end
        stop = self.ends[at] if ended else end
        if at in self._left_out or base in marks.DROPPED:
            return stop + 1
        if not ended and (base in marks.MATH or base in marks.FIGURES or base in marks.GRIDS):
            return at + 1
        if base in marks.MATH:
            out.append(self._display(at + 1, stop, base))
            return stop + 1
        if base in marks.FIGURES and depth < _DEEPEST:
            out.append(self._captions(at + 1, stop, depth))
            return stop + 1
        if base in marks.GRIDS and depth < _DEEPEST:
            out.append(f"\n\n{self._grid(at + 1, stop, marks.GRIDS[base], depth)}\n\n")
            return stop + 1
        inside = self.skip_option(at + 1) if base not in self.numbers.theorems else at + 1
        for _ in range(marks.ENVIRONMENT_ARGUMENTS.get(base, 0)):
            inside = self.argument(inside)[1]
        nested = base in marks.LISTS and any(str(each[0]).rstrip("*") in marks.LISTS for each in environments)
        out.append("" if nested else PARAGRAPH)
        if base in self.numbers.theorems:
            inside = self._theorem(at, inside, base, out, depth)
        environments.append([name, 0])
        return inside

    def _theorem(self, at: int, inside: int, base: str, out: list[str], depth: int) -> int:
        number = self.numbers.of_theorem.get(at, "")
        option, after = self.option(inside)
        note = f" ({self.render(*option, depth + 1).strip()})" if option and depth < _DEEPEST else ""
        title = f"{self.numbers.theorems[base]}{' ' + number if number else ''}{note}."
        out.append(f"**{title}** " if self.markdown else f"{title} ")
        return after if option else inside

    def _display(self, start: int, end: int, base: str) -> str:
        if not self.math:
            return " "
        body = self._formula(start, end)
        if base in marks.ALIGNED and body:
            body = f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
        return f"\n\n{keep(f'$${chr(10)}{body}{chr(10)}$$')}\n\n" if body else PARAGRAPH

    def _formula(self, start: int, end: int) -> str:
        """LaTeX of a formula without what belongs to the page: labels, `\\nonumber`."""
        kept: list[str] = []
        at = start
        while at < end:
            token = self.found[at]
            if token in ("\\label", "\\tag", "\\vspace", "\\hspace"):
                at = self.argument(at + 1)[1]
                continue
            if token not in ("\\nonumber", "\\notag", "\\displaystyle", PARAGRAPH, "\\limits"):
                kept.append(token)
            at += 1
        return re.sub(r"(?<![ \t])[ \t]*\n\s*", "\n", source_of(kept)).strip()

    def _dollars(self, at: int, end: int, out: list[str]) -> int:
        token = self.found[at]
        closing = self._closing[token]
        place = bisect_right(closing, at)
        stop = closing[place] if place < len(closing) else end
        if stop >= end:
            out.append("$" if len(token) == 1 else "")
            return at + 1
        self._inline(at + 1, stop, token == "$$", out)
        return stop + 1

    def _inline(self, start: int, stop: int, display: bool, out: list[str]) -> None:
        if display:
            out.append(self._display(start, stop, ""))
        elif self.math and (body := self._formula(start, stop).replace("\n", " ")):
            out.append(keep(f"${body}$"))

    def _captions(self, start: int, end: int, depth: int) -> str:
        """Of a picture only what is said of it."""
        parts: list[str] = []
        at = start
        while at < end:
            if self.found[at] in ("\\caption", "\\caption*", "\\captionof", "\\subcaption"):
                parts.append(self._caption(at, depth))
                at = self._after_caption(at)
            else:
                at += 1
        return "".join(parts)

    def _after_caption(self, at: int) -> int:
        after = at + 1 if self.found[at] != "\\captionof" else self.argument(at + 1)[1]
        return self.argument(self.skip_option(after))[1]

    def _caption(self, at: int, depth: int) -> str:
        after = at + 1 if self.found[at] != "\\captionof" else self.argument(at + 1)[1]
        inner, _ = self.argument(self.skip_option(after))
        text = " ".join(self.render(*inner, depth + 1).split()) if inner and depth < _DEEPEST else ""
        return f"\n\n{self.numbers.of_caption.get(at, 'Figure')}: {text}\n\n" if text else ""

    def _grid(self, start: int, end: int, arguments: int, depth: int) -> str:
        """Rows of cells, as a Markdown table or with bars between."""
        at = self.skip_option(start)
        for _ in range(arguments):
            at = self.skip_option(self.argument(at)[1])
        rows: list[list[str]] = [[]]
        captions: list[str] = []
        cell = at
        while at <= end:
            token = self.found[at] if at < end else "\\\\"
            if token in ("&", "\\\\", "\\tabularnewline", "\\cr"):
                rows[-1].append(
                    " ".join(self.render(cell, at, depth + 1).split()).replace("|", "\\|" if self.markdown else "|")
                )
                at = cell = self.skip_option(at + 1) if token != "&" else at + 1
                if token != "&":
                    rows.append([])
                continue
            if token == "\\caption":
                captions.append(self._caption(at, depth))
                at = cell = self.argument(self.skip_option(at + 1))[1]
                continue
            jump = self.ends[at]
            at = jump + 1 if 0 <= jump < end and (token == "{" or token.startswith("\\begin{")) else at + 1
        filled = [row for row in rows if any(row)]
        return "".join(captions) + self._table(filled)

    def _table(self, rows: list[list[str]]) -> str:
        if not self.markdown or not rows:
            return "\n".join(" | ".join(row) for row in rows)
        width = max(map(len, rows))
        lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
        return (
            "\n".join([lines[0], keep("|" + " --- |" * width), *lines[1:]]) if width > 1 else "\n".join(row[0] for row in rows)
        )

    # --------------------------------------------------------------------------------------------------------- commands

    def _command(self, at: int, end: int, out: list[str], environments: list[list[str | int]], depth: int) -> int:
        token = self.found[at]
        name = token[1:].rstrip("*")
        if token in ("\\[", "\\("):
            closing = self._closing["\\]" if token == "\\[" else "\\)"]
            place = bisect_right(closing, at)
            if place < len(closing) and closing[place] < end:
                self._inline(at + 1, closing[place], token == "\\[", out)
                return closing[place] + 1
            return at + 1
        if name in marks.HEADINGS:
            return self._heading(at, end, name, out, depth)
        if token in marks.ACCENTS:
            letter, after = accented(self.found, at + 1, end, marks.ACCENTS[token])
            out.append(letter)
            return after
        if token in marks.SYMBOLS:
            out.append(marks.SYMBOLS[token])
            return self.skip_option(at + 1) if token == "\\\\" else at + 1
        if name in marks.TEXTS:
            out.append(marks.TEXTS[name])
            return at + 1
        if name == "item":
            return self._item(at, out, environments, depth)
        if name in ("footnote", "footnotetext", "marginpar"):
            inner, after = self.argument(self.skip_option(at + 1))
            if inner and depth < _DEEPEST:
                out.append(f" ({self.render(*inner, depth + 1).strip()})")
            return after
        if name in ("caption", "captionof", "subcaption"):
            out.append(self._caption(at, depth))
            return self._after_caption(at)
        if name in marks.CITES or name in marks.REFERS or name in ("label", "url", "path", "nolinkurl"):
            return self._reference(at, name, out)
        if name in marks.QUANTITIES:
            return self._quantity(at, *marks.QUANTITIES[name], out, depth)
        if at in self._left_out or (depth == 0 and name in ("title", "author", "icmltitle", "IEEEauthorblockN", "name")):
            return self.argument(self.skip_option(at + 1))[1]
        return self._other(at, name, out)

    def _other(self, at: int, name: str, out: list[str]) -> int:
        """Commands that go, with or without their arguments; the argument of one that is not known is text."""
        goes = marks.GOES.get(name)
        count = marks.FIRST_GOES.get(name, 0) if goes is None else goes
        after = self.skip_option(at + 1)
        for _ in range(count):
            after = self.skip_option(self.argument(after)[1])
        if name == "texorpdfstring":
            inner, after = self.argument(after)
            if inner:
                out.append(self.render(*inner, _DEEPEST))
            return self.argument(after)[1]
        return after

    def _quantity(self, at: int, numbers: int, between: str, out: list[str], depth: int) -> int:
        """Numbers and their unit; a command of that name without them goes, and what follows stays."""
        after, said = self.skip_option(at + 1), []
        for _ in range(numbers):
            inner, after = self.argument(after)
            said += [self.render(*inner, depth + 1).strip()] if inner and depth < _DEEPEST else []
        of, after = self.argument(self.skip_option(after))
        parts = [between.join(said), keep(unit(self.found[slice(*of)])) if of else ""]
        out.append(" ".join(part for part in parts if part))
        return after

    def _heading(self, at: int, end: int, name: str, out: list[str], depth: int) -> int:
        inner, after = self.argument(self.skip_option(at + 1))
        title = " ".join(self.render(*inner, depth + 1).split()) if inner and depth < _DEEPEST else ""
        if title:
            out.append(f"\n\n{'#' * marks.HEADINGS[name] + ' ' if self.markdown else ''}{title}\n\n")
        return after

    def _item(self, at: int, out: list[str], environments: list[list[str | int]], depth: int) -> int:
        option, after = self.option(at + 1)
        label = self.render(*option, depth + 1).strip() if option and depth < _DEEPEST else ""
        lists = [each for each in environments if str(each[0]).rstrip("*") in marks.LISTS]
        mark = "-"
        if lists and str(lists[-1][0]).rstrip("*") in marks.NUMBERED:
            lists[-1][1] = int(lists[-1][1]) + 1
            mark = f"{lists[-1][1]}."
        indent = "  " * min(max(len(lists) - 1, 0), 8)
        out.append(f"\n{keep(indent)}{mark} {label + ' ' if label else ''}")
        return after if option else at + 1

    def _reference(self, at: int, name: str, out: list[str]) -> int:
        after = at + 1
        while (follows := self.option(after))[0]:
            after = follows[1]
        inner, after = self.argument(after)
        keys = source_of(self.found[inner[0] : inner[1]]).strip() if inner else ""
        if name in ("url", "path", "nolinkurl"):
            out.append(keep(keys))
        elif name in marks.CITES:
            numbers = [str(self.numbers.citation(key.strip())) for key in keys.split(",")[:100] if key.strip()]
            out.append(f"[{', '.join(numbers)}]" if numbers else "")
        elif name != "label":
            out.append(self.numbers.reference(keys, marks.REFERS[name]))
        return after
