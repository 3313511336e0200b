r"""Numbers that LaTeX would give: sections, equations, figures, tables, theorems, and citations in the order of their places.

So that `\ref` and `\cite` are something to read. As article.cls counts them; a class that counts otherwise is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

from curator.sources import latex_marks as marks
from curator.sources.latex_tokens import source_of

_SECTIONS = ("section", "subsection", "subsubsection")
_NUMBERED_BY_CAPTION = frozenset(["Figure", "Table", *marks.CAPTIONED.values()])
_MOST_LABEL = 20  # tokens


class Numbers:
    def __init__(self, found: Sequence[str], ends: Sequence[int]) -> None:
        self.theorems = dict(marks.THEOREMS)
        self.of_theorem: dict[int, str] = {}  # by the place of its \begin
        self.of_caption: dict[int, str] = {}  # `Figure 3`, by the place of its \caption
        self._labels: dict[str, tuple[str, str]] = {}  # (kind, number)
        self._cited: dict[str, int] = {}
        self._found, self._ends = found, ends
        self._count()

    def citation(self, key: str) -> int:
        return self._cited.setdefault(key, len(self._cited) + 1)

    def reference(self, label: str, form: str) -> str:
        """The number of a label, with its kind or in brackets; nothing for a label that is not there."""
        found = [self._labels.get(each.strip(), ("", "")) for each in label.split(",")[:50]]
        numbers = ", ".join(number for _, number in found if number)
        if not numbers:
            return ""
        if form == "()":
            return f"({numbers})"
        return f"{found[0][0]} {numbers}".strip() if form == "kind" else numbers

    def _count(self) -> None:
        levels = [0, 0, 0]
        counts: dict[str, int] = {}
        open_: list[tuple[str, str, str]] = []  # (environment, kind, number)
        section = ("Section", "")
        current = section
        appendix = False
        for at, token in enumerate(self._found):
            if token[0] != "\\" or len(token) < 2:
                continue
            name = token[1:]
            if name == "newtheorem" or name == "newtheorem*":
                self._theorem(at)
            elif name == "appendix":
                appendix, levels = True, [0, 0, 0]
            elif name in _SECTIONS:
                level = _SECTIONS.index(name)
                levels[level] += 1
                levels[level + 1 :] = [0] * (2 - level)
                top = chr(64 + min(levels[0], 26)) if appendix else str(levels[0])
                section = ("Section", ".".join([top, *map(str, levels[1 : level + 1])]))
                current = section
            elif name.startswith("begin{"):
                environment = name[6:-1]
                kind = self._kind(environment)
                if kind and environment[-1] != "*" and kind not in _NUMBERED_BY_CAPTION:
                    counts[kind] = counts.get(kind, 0) + 1
                    current = (kind, str(counts[kind]))
                    if environment in self.theorems:
                        self.of_theorem[at] = current[1] if kind != "Proof" else ""
                if kind:
                    open_.append((environment, kind, current[1]))
            elif name.startswith("end{") and open_ and open_[-1][0] == name[4:-1]:
                open_.pop()
                current = (open_[-1][1], open_[-1][2]) if open_ else section
            elif name in ("caption", "captionof"):
                kind = next((kind for _, kind, _ in reversed(open_[-50:]) if kind in _NUMBERED_BY_CAPTION), "Figure")
                counts[kind] = counts.get(kind, 0) + 1
                current = (kind, str(counts[kind]))
                self.of_caption[at] = f"{kind} {counts[kind]}"
            elif name == "label" and (label := self._argument(at)):
                self._labels.setdefault(label, current)

    def _kind(self, environment: str) -> str:
        base = environment.rstrip("*")
        if base in marks.MATH:
            return "Equation"
        if base in marks.FIGURES:
            return "Figure"
        if base in marks.TABLES:
            return "Table"
        return marks.CAPTIONED.get(base) or self.theorems.get(base, "")

    def _theorem(self, at: int) -> None:
        name = self._argument(at)
        if not name or len(self.theorems) > 500:
            return
        place, title = at + 1, ""
        for _ in range(2):  # the name; then perhaps a counter in brackets, then the title
            place = next((p for p in range(place, min(place + 8, len(self._found))) if self._found[p] == "{"), -1)
            if place < 0 or self._ends[place] < 0:
                return
            title = source_of(self._found[place + 1 : min(self._ends[place], place + _MOST_LABEL)]).strip()
            place = self._ends[place] + 1
        self.theorems[name] = title[:60]

    def _argument(self, at: int) -> str:
        if at + 1 < len(self._found) and self._found[at + 1] == "{" and at < self._ends[at + 1] <= at + _MOST_LABEL:
            return source_of(self._found[at + 2 : self._ends[at + 1]]).strip()
        return ""
