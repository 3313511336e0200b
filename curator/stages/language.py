"""`language`: which language and script a document is in, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from curator.models import ALIASES, fasttext_model, file_of
from curator.stages.evidence import LETTERS, column, profiles
from curator.stages.extract import visible
from curator.stages.labels import UNDETERMINED
from curator.stages.script import chinese_script, dominant_script
from curator.stages.shares import Codes, content, shares

_VISIBLE_CHARACTERS = 8000  # of a page's text that `on: visible` looks at: menus and hidden notices may have thousands
_FAINT = 0.001  # labels less probable than this are not asked for: they cost time and change no third digit


@dataclass(frozen=True, kw_only=True)
class Language:
    """Score each document's language with fastText (Joulin et al. 2017), corrected by what the characters themselves say.

    The model is lid.176 unless `model` names another, by its path and `#sha256=`; its labels may be GlotLID's (`cmn_Hani` is
    `zh`). `windows` windows of `window` characters, evenly spread over the text, are scored, so that a foreign first line or a
    menu does not decide; a text that is no longer than all of them is scored whole, in as many pieces. In each, Han characters,
    kana and hangul are Chinese, Japanese, Korean or Vietnamese by the company they keep, and Chinese is Mandarin, Cantonese or
    classical by its function words; for everything else the model is believed (see `shares`). The windows' probabilities are
    averaged by content, a Han character counting as much as four letters.

    `language` is the most probable one, Chinese taken together first: `zh`, `yue` (Cantonese), `lzh` (classical), `wuu`; `und`
    where nothing tells. `score` is its probability; a Chinese document's is `zh_score`, the sum over all of Chinese, of which
    `yue_score` and `lzh_score` are parts. `script` is Hans, Hant, mixed or Hani (no character tells) for Chinese, else the
    script of most letters. `on: visible` reads the payload before extraction: the text between the tags, its first 8,000
    characters, found without a tree. Null texts give nulls.
    """

    model: str = "lid.176"
    on: Literal["text", "visible"] = "text"
    windows: int = 5
    window: int = 100

    revision: ClassVar[int] = 6
    libraries: ClassVar[tuple[str, ...]] = ("fasttext-community",)
    writes: ClassVar[Mapping[str, pa.DataType]] = {
        "language": pa.string(),
        "script": pa.string(),
        "score": pa.float32(),
        "zh_score": pa.float32(),
        "yue_score": pa.float32(),
        "lzh_score": pa.float32(),
    }

    def __post_init__(self) -> None:
        if not 1 <= self.windows <= 100:
            raise ValueError(f"windows: {self.windows} is not from 1 to 100")
        if not 20 <= self.window <= 10_000:
            raise ValueError(f"window: {self.window} characters is not from 20 to 10000")

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"text"} if self.on == "text" else {"payload", "content_type", "charset"})

    def files(self) -> Sequence[str]:
        return (file_of(self.model),)

    def check(self) -> None:
        """Raise ModelError for a model of one's own that is missing, broken, or another than is pinned."""
        if self.model not in ALIASES:
            fasttext_model(self.model)

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        model = fasttext_model(self.model)
        codes = Codes.of(model.labels)
        samples = [None if text is None else self.sample(text) for text in self._texts(docs)]
        pieces = [piece for sample in samples for piece in sample or ()]
        found = profiles(pieces)
        probable = shares(codes, model.probabilities(pieces, _FAINT), found)
        starts = np.cumsum([0] + [len(sample) for sample in samples if sample is not None])[:-1]
        rows = iter(_verdicts(codes, probable, content(found), found, starts))
        nothing = (None,) * len(self.writes)
        columns = zip(*(nothing if sample is None else next(rows) for sample in samples)) if samples else [()] * len(nothing)
        return {name: pa.array(values, kind) for (name, kind), values in zip(self.writes.items(), columns)}

    def sample(self, text: str) -> list[str]:
        """The windows of a text: of equal length, the first at its beginning, the last at its end."""
        if len(text) <= self.window:
            return [text]
        count = min(self.windows, -(-len(text) // self.window))
        if count == 1:
            return [text[: self.window]]
        last = len(text) - self.window
        return [text[i * last // (count - 1) :][: self.window] for i in range(count)]

    def _texts(self, docs: pa.RecordBatch) -> list[str | None]:
        if self.on == "text":
            return docs.column("text").to_pylist()
        return [
            visible(payload, kind, charset, _VISIBLE_CHARACTERS) if payload.is_valid else None
            for payload, kind, charset in zip(
                docs.column("payload"), docs.column("content_type").to_pylist(), docs.column("charset").to_pylist()
            )
        ]


def _verdicts(
    codes: Codes, probable: np.ndarray, weights: np.ndarray, found: np.ndarray, starts: np.ndarray
) -> Iterator[tuple[str | float | None, ...]]:
    """The rows that documents come to whose windows begin at `starts`."""
    if not len(starts):
        return
    whole = np.add.reduceat(weights, starts)
    mean = np.add.reduceat(probable * weights[:, None], starts) / np.where(whole > 0, whole, 1.0)[:, None]
    mean = np.minimum(mean, 1.0)
    traits = np.add.reduceat(found, starts)
    family = list(codes.family)
    chinese = np.minimum(mean[:, family].sum(axis=1), 1.0)
    variety = mean[:, family].argmax(axis=1)
    foreign = mean.copy()
    foreign[:, family] = 0.0
    best = foreign.argmax(axis=1)
    score = foreign.max(axis=1)
    simplified, traditional = column(traits, "Hans").tolist(), column(traits, "Hant").tolist()
    own = zip(whole.tolist(), chinese.tolist(), mean[:, codes.yue].tolist(), mean[:, codes.lzh].tolist(), score.tolist())
    for i, (any_letter, zh, yue, lzh, other) in enumerate(own):
        if not any_letter:
            yield UNDETERMINED, None, 0.0, 0.0, 0.0, 0.0
        elif zh >= other:
            yield codes.names[family[variety[i]]], chinese_script(simplified[i], traditional[i]), zh, zh, yue, lzh
        else:
            language = codes.names[best[i]]
            yield language, dominant_script(traits[i, LETTERS], language), other, zh, yue, lzh
