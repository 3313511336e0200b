"""`perplexity`: how surprising a document is to a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator import storage
from curator.lm.artefact import model_files, open_model


@dataclass(frozen=True, kw_only=True)
class Perplexity:
    """Score each document with an n-gram model: low is text like what the model was trained on.

    `models` names a model for each language (`zh: models/zh`), `model` one for all others; each is a folder that `curator lm
    train` wrote, or a pair of CCNet's (`zh.arpa.bin`, with `zh.sp.model` beside it). `perplexity` is 10 to the mean negative
    log10 probability of a token, the end of the document being one; of models of SentencePiece pieces, it is CCNet's number
    (Wenzek et al. 2020: its normalisation, the whole document as one line, one decimal), for which its published cut-offs hold.
    `per_character` is the same by visible character, which compares across tokens. `worst` is the highest perplexity of any
    `window` tokens, side by side: a page that is good but for a spam block shows there. `unknown` is the share of tokens that
    the model never saw. A language without a model gives nulls in every column, and a rule on a null rejects: give the
    filter `where: {language: …}`, or a `model` for the rest. Texts without a visible character give nulls too.
    """

    models: dict[str, str] = field(default_factory=dict)
    model: str | None = None
    window: int = 200

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("rjieba", "sentencepiece")
    writes: ClassVar[Mapping[str, pa.DataType]] = {
        "perplexity": pa.float64(),
        "per_character": pa.float64(),
        "worst": pa.float64(),
        "unknown": pa.float64(),
    }

    def __post_init__(self) -> None:
        if not self.models and self.model is None:
            raise ValueError("models: name a model for each language (zh: FOLDER), or one `model` for all documents")
        if not 10 <= self.window <= 100_000:
            raise ValueError(f"window: {self.window} tokens is not from 10 to 100000")

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes that its options name."""
        return tuple(self.models)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"text", "language"} if self.models else {"text"})

    @property
    def _named(self) -> Sequence[str]:
        """The models, each once."""
        others = [self.model] if self.model else []
        return list(dict.fromkeys([*(self.models[language] for language in sorted(self.models)), *others]))

    def files(self) -> Sequence[str]:
        return [file for path in self._named for file in model_files(path)]

    def check(self) -> None:
        """Before a run: raise LanguageModelError unless every model that is there is whole."""
        if all(map(storage.exists, self.files())):
            for path in self._named:
                open_model(path)

    def warm(self) -> None:
        columns = {"text": "warm 热身 2026", "language": next(iter(self.models), None)}
        self(pa.RecordBatch.from_pydict({name: pa.array([value], pa.string()) for name, value in columns.items()}))

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        found = {name: np.full(len(docs), np.nan) for name in self.writes}
        texts = docs.column("text")
        for path, rows in self._models_of(docs):
            judged = open_model(path).judge(texts.take(pa.array(rows)), self.window)
            for name, values in found.items():
                values[rows] = getattr(judged, name)
        return {name: pa.array(values, pa.float64(), from_pandas=True) for name, values in found.items()}

    def _models_of(self, docs: pa.RecordBatch) -> Sequence[tuple[str, np.ndarray]]:
        """Each model that is needed, and its rows."""
        if not self.models:
            return [(self.model, np.arange(len(docs)))] if self.model and len(docs) else []
        chosen: dict[str, list[int]] = {}
        for row, language in enumerate(pc.cast(docs.column("language"), pa.string()).to_pylist()):
            path = self.models.get(language or "", self.model)
            if path is not None:
                chosen.setdefault(path, []).append(row)
        return [(path, np.array(rows)) for path, rows in chosen.items()]
