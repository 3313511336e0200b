"""The reference executor: everything in this process, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Inline:
    """`--on inline`: what every other executor must agree with, to the byte."""

    workers = 1

    def map(
        self, function: Callable[[T], R], items: Sequence[T], resources: Mapping[str, float] | None = None
    ) -> Iterator[tuple[int, R]]:
        """See `documents.Executor`."""
        for index, item in enumerate(items):
            yield index, function(item)

    def close(self) -> None:
        """Nothing to give back."""
