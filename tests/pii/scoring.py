"""Precision and recall of found spans by type, counted from labelled ones.

A found span is right when its type is that of a labelled one, it lies inside that one, and it covers at least its least part
(see make_set.py); for most types the two are the same, so it has to be exact. Of two found spans that answer one label the
second is wrong. A label that none answers is missed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Found = tuple[int, int, str]


class Label(NamedTuple):
    start: int
    end: int
    entity: str
    least_start: int
    least_end: int

    def answered_by(self, found: Found) -> bool:
        start, end, entity = found
        return entity == self.entity and self.start <= start <= self.least_start and self.least_end <= end <= self.end


class Score:
    def __init__(self) -> None:
        self.right, self.wrong, self.missed = 0, 0, 0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    def __str__(self) -> str:
        counts = f"{self.right} right, {self.wrong} wrong, {self.missed} missed"
        return f"precision {self.precision:.3f}, recall {self.recall:.3f} ({counts})"


def count(labels: Sequence[Label], found: Iterable[Found], scores: defaultdict[str, Score]) -> list[tuple[str, Found | Label]]:
    """Adds one text to the scores; gives its errors."""
    left, errors = list(labels), []
    for one in found:
        answer = next((label for label in left if label.answered_by(one)), None)
        if answer is None:
            scores[one[2]].wrong += 1
            errors.append(("wrong", one))
        else:
            left.remove(answer)
            scores[one[2]].right += 1
    for label in left:
        scores[label.entity].missed += 1
        errors.append(("missed", label))
    return errors
