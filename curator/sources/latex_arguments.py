"""Tokens of LaTeX with the arguments and options that stand behind a command."""

from __future__ import annotations

from collections.abc import Sequence

from curator.sources.latex_tokens import PARAGRAPH, groups

_LONGEST_OPTION = 400  # tokens


class Arguments:
    """Of the tokens `found`; `ends` has for each that opens a group or an environment where it closes, else -1."""

    def __init__(self, found: Sequence[str]) -> None:
        self.found = found
        self.ends = groups(found)

    def argument(self, at: int) -> tuple[tuple[int, int] | None, int]:
        """(where the inside of the next group is, what follows); None if there is no group."""
        while at < len(self.found) and self.found[at] in ("\n", " "):
            at += 1
        if at < len(self.found) and self.found[at] == "{" and self.ends[at] >= 0:
            return (at + 1, self.ends[at]), self.ends[at] + 1
        return None, at

    def option(self, at: int) -> tuple[tuple[int, int] | None, int]:
        if at >= len(self.found) or self.found[at] != "[":
            return None, at
        inside = at + 1
        for place in range(inside, min(inside + _LONGEST_OPTION, len(self.found))):
            token = self.found[place]
            if token == "]":
                return (inside, place), place + 1
            if token in (PARAGRAPH, "[") or token.startswith("\\begin{"):
                break
        return None, at

    def skip_option(self, at: int) -> int:
        return self.option(at)[1]
