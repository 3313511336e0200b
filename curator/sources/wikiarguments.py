"""A template's arguments, and the common ways in which a template makes text of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Span = tuple[int, int]  # of the wikitext, still to be converted
Part = str | Span  # finished text, or such a span


@dataclass
class Arguments:
    """A template's arguments, as spans of the wikitext."""

    text: str
    positional: list[Span] = field(default_factory=list)
    named: dict[str, Span] = field(default_factory=dict)

    def string(self, key: int | str) -> str:
        """The raw wikitext of a short argument, such as a unit or a number; empty if there is none."""
        span = self.named.get(str(key))
        if span is None and isinstance(key, int) and 1 <= key <= len(self.positional):
            span = self.positional[key - 1]
        return self.text[span[0] : min(span[1], span[0] + 60)].strip() if span else ""

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
    return lambda given: join([[span] for span in given.positional], between)


def join(parts: Sequence[list[Part]], between: str) -> list[Part]:
    out: list[Part] = []
    for each in parts:
        if each and out:
            out.append(between)
        out += each
    return out


def named(names: str, rendering: Rendering) -> dict[str, Rendering]:
    """The rendering of templates by their names, between ` | `."""
    return dict.fromkeys(names.split(" | "), rendering)
