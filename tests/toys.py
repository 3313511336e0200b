"""A plugin for tests: a source of lines and stages that measure, rewrite, fail and kill. Used as `plugins: [tests/toys.py]`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from curator import storage
from curator.documents import File, Piece, Rule, Tally, batched


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Every line is a document; `#` lines are skipped, `!` lines are errors, a file with `?` in it cannot be read past it."""

    revision: ClassVar[int] = 1
    columns: ClassVar[frozenset[str]] = frozenset({"text"})
    libraries: ClassVar[tuple[str, ...]] = ()

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        return [(0, -1)]

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._rows(piece, tally), self.columns)

    def _rows(self, piece: Piece, tally: Tally) -> Iterator[dict[str, object]]:
        offset = 0
        with storage.open_input(piece.file.path) as stream:
            for line in stream:
                tally.record()
                text = line.decode().rstrip("\n")
                if text.startswith("#"):
                    tally.skip("comment")
                elif text.startswith("!"):
                    tally.error("bad_line", offset, text)
                elif text.startswith("?"):
                    raise ValueError("the file ends here")
                else:
                    yield {"offset": offset, "text": text}
                offset += len(line)


@dataclass(frozen=True, kw_only=True)
class Length:
    """Characters of the text; with `min`, a rule of its own."""

    min: int = 0
    fail_on: str = "\0"  # a text with it raises
    die_on: str = "\0"  # a text with it kills the process
    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    writes: ClassVar[Mapping[str, pa.DataType]] = {"chars": pa.int32()}

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (Rule(column="length.chars", reason="length.chars", min=self.min),)

    def files(self) -> Sequence[str]:
        return ()

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        for text in docs.column("text").to_pylist():
            if self.fail_on in (text or ""):
                raise ValueError(f"cannot measure {text!r}")
            if self.die_on in (text or ""):
                os.kill(os.getpid(), signal.SIGSEGV)
        return {"chars": pc.utf8_length(docs.column("text"))}


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Cuts the text at the first `|`; a text that begins with one becomes null."""

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    writes: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.string()}

    def files(self) -> Sequence[str]:
        return ()

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        return {"text": pa.array([t.split("|")[0] or None for t in docs.column("text").to_pylist()], pa.string())}


@dataclass(frozen=True, kw_only=True)
class Tag:
    """Writes the document column `language`: zh if there is a Han character, else en."""

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    writes: ClassVar[Mapping[str, pa.DataType]] = {"language": pa.string(), "score": pa.float32()}

    def files(self) -> Sequence[str]:
        return ()

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        texts = docs.column("text").to_pylist()
        languages = ["zh" if any("一" <= c <= "鿿" for c in t) else "en" for t in texts]
        return {"language": pa.array(languages), "score": pa.array([0.5] * len(texts), pa.float32())}


SOURCES = {"lines": Lines}
STAGES = {"length": Length, "cut": Cut, "tag": Tag}
