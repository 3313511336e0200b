"""The funnel in the terminal: a line for what each stage cut, where it is worth one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from curator.report.funnel import funnel

SOURCE = {
    "records": 10,
    "skipped": {},
    "record_errors": {},
    "documents": 10,
    "rejected": {"zh_web.chars": 2},
    "errors": {},
    "kept": 8,
    "chars_kept": 9_000,
}


def shown(**found: object) -> list[str]:
    """The lines of the table, words apart by one space."""
    table = funnel({"name": "toy", "stages": ["zh_web", "unframe"], "sources": {"web": {**SOURCE, **found}}})
    console = Console(file=io.StringIO(), width=160)
    console.print(table)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("characters", "told"), [(0, False), (50, False), (1_000, True)])
def test_a_stage_that_cut_much_of_the_texts_has_a_line(characters: int, told: bool) -> None:
    assert ("unframe cut 1,000 characters" in shown(chars_cut={"unframe": characters})) == told


def test_lines_cut_are_told_with_their_rules_and_characters() -> None:
    found = shown(chars_cut={"zh_web": 1_000}, tallies={"zh_web.lines.menu": 3, "zh_web.lines.boilerplate": 4})
    assert "zh_web cut 7 lines boilerplate 4, menu 3, 1,000 characters" in found
    assert "zh_web 2 8 80.0% chars 2" in found
