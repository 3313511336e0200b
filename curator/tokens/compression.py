"""How well vocabularies fit texts: bytes and characters per token, by source, several tokenizers beside each other."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from curator.tokens import formats, vocabulary

ALL = "all"


@dataclass
class Fit:
    """One tokenizer on one source."""

    source: str
    tokenizer: str
    size: int
    documents: int = 0
    utf8_bytes: int = 0
    characters: int = 0
    tokens: int = 0
    unknown: int = 0  # ids of the unknown token, whose text is lost

    @property
    def bytes_per_token(self) -> float:
        return self.utf8_bytes / self.tokens if self.tokens else 0.0

    @property
    def characters_per_token(self) -> float:
        return self.characters / self.tokens if self.tokens else 0.0

    def described(self) -> dict[str, Any]:
        rates = {"bytes_per_token": self.bytes_per_token, "characters_per_token": self.characters_per_token}
        return {**asdict(self), **{name: round(value, 4) for name, value in rates.items()}}


def compare(tokenizers: Sequence[str], batches: Iterable[pa.RecordBatch]) -> list[Fit]:
    """A row for each source and tokenizer (files of any format that `formats` reads), and for all sources together.

    `batches` have the columns source and text. Raises FormatError for a file that is no tokenizer.
    """
    opened = {path: _open(path) for path in dict.fromkeys(tokenizers)}
    found: dict[tuple[str, str], Fit] = {}
    for batch in batches:
        sources = batch.column("source").cast(pa.string())
        for source in pc.unique(sources).to_pylist():
            texts = [text for text in batch.column("text").filter(pc.equal(sources, source)).to_pylist() if text]
            for path, (words, unknown) in opened.items():
                for name in (source, ALL):
                    fit = found.setdefault((name, path), Fit(source=name, tokenizer=path, size=words.size))
                    fit.documents += len(texts)
                    fit.utf8_bytes += sum(len(text.encode()) for text in texts)
                    fit.characters += sum(map(len, texts))
                ids = words.encode(texts)
                tokens = sum(map(len, ids))
                lost = sum(int((each == unknown).sum()) for each in ids) if unknown is not None else 0
                for name in (source, ALL):
                    found[name, path].tokens += tokens
                    found[name, path].unknown += lost
    if len({source for source, _ in found}) == 2:
        found = {key: fit for key, fit in found.items() if key[0] != ALL}
    return [found[key] for key in sorted(found, key=lambda key: (key[0] == ALL, key[0], list(opened).index(key[1])))]


def _open(path: str) -> tuple[vocabulary.Vocabulary, int | None]:
    """The tokenizer, and the id of what it does not know."""
    data = formats.read(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it is slow is no matter here
        words = vocabulary.from_bytes(path, data, Tokenizer.from_buffer(data).id_to_token(0))
    model = json.loads(data)["model"]
    token = model.get("unk_token")
    return words, model["vocab"].get(token) if token and isinstance(model["vocab"], dict) else model.get("unk_id")


def table(fits: Sequence[Fit]) -> Iterator[str]:
    """Rows of Markdown."""
    yield "| source | tokenizer | ids | bytes per token | characters per token | unknown |"
    yield "|---|---|---|---|---|---|"
    for fit in fits:
        lost = f"{fit.unknown / fit.tokens:.2%}" if fit.tokens else ""
        folder, _, name = fit.tokenizer.rstrip("/").rpartition("/")
        shown = f"{folder.rsplit('/', 1)[-1]}/{name}" if name == "tokenizer.json" and folder else name
        yield (
            f"| {fit.source} | {shown} | {fit.size:,} | {fit.bytes_per_token:.2f} | {fit.characters_per_token:.2f} | {lost} |"
        )
