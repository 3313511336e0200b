"""`language`: which language and script a document is in, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from curator.models import fasttext_model, named
from curator.stages.extract import head, visible
from curator.stages.script import any_letter, chinese_script, dominant_script, han_without_kana, letters

ZH_FAMILY = ("zh", "yue", "lzh", "wuu")
UNDETERMINED = "und"  # ISO 639-2, for a text without a letter
_VISIBLE_BYTES = 8 << 20  # of a payload that `on: visible` looks at; some pages open with half a megabyte of script
_VISIBLE_CHARACTERS = 4000  # of its text
_FAINT = 0.001  # labels less probable than this are not asked for: they cost time and change no third digit


@dataclass(frozen=True, kw_only=True)
class Language:
    """Score each document's language with fastText (Joulin et al. 2017), lid.176 unless `model` names another.

    `windows` windows of `window` characters, evenly spread over the text, are scored and their probabilities averaged, so that
    a foreign first line or a menu does not decide; a text that is no longer than all of them is scored whole, in as many
    pieces. `language` is the model's most probable label (Chinese is `zh`; `und` where there is no letter), `score` its
    probability, `zh_score` the sum over zh, yue, lzh and wuu. `script` is Hans, Hant, mixed or Hani (no character tells) for
    those four, else the script of most letters. `on: visible` reads the payload before extraction: the text between
    the tags, its first 4,000 characters, found without a tree. Null texts give nulls. A text of Han characters without any
    kana is not Japanese, whatever the model says: what it gives to Japanese goes to `zh`.
    """

    model: str = "lid.176"
    on: Literal["text", "visible"] = "text"
    windows: int = 5
    window: int = 100

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("fasttext-community",)
    writes: ClassVar[Mapping[str, pa.DataType]] = {
        "language": pa.string(),
        "script": pa.string(),
        "score": pa.float32(),
        "zh_score": pa.float32(),
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
        return (named(self.model),)

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        model = fasttext_model(self.model)
        samples = [None if text is None else self.sample(text) for text in self._texts(docs)]
        pieces = [piece for sample in samples for piece in sample or ()]
        probabilities = model.probabilities(pieces, _FAINT)
        japanese, chinese = (model.labels.index(code) if code in model.labels else None for code in ("ja", "zh"))
        family = [i for i, label in enumerate(model.labels) if label in ZH_FAMILY]
        rows: list[tuple[str | None, str | None, float | None, float | None]] = []
        at = 0
        for sample in samples:
            if sample is None:
                rows.append((None, None, None, None))
                continue
            counts = letters("".join(sample))
            if any_letter(counts):
                mean = probabilities[at : at + len(sample)].mean(axis=0, dtype=np.float64)
                if japanese is not None and chinese is not None and han_without_kana(counts):
                    mean[chinese] += mean[japanese]  # verse and classical prose, which the model takes for Japanese
                    mean[japanese] = 0.0
                best = int(mean.argmax())
                language = model.labels[best]
                script = chinese_script(counts) if language in ZH_FAMILY else dominant_script(counts, language)
                rows.append((language, script, float(mean[best]), float(mean[family].sum())))
            else:
                rows.append((UNDETERMINED, None, 0.0, 0.0))
            at += len(sample)
        columns = zip(*rows) if rows else ((),) * len(self.writes)
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
            visible(head(payload, _VISIBLE_BYTES), kind, charset, _VISIBLE_CHARACTERS) if payload.is_valid else None
            for payload, kind, charset in zip(
                docs.column("payload"), docs.column("content_type").to_pylist(), docs.column("charset").to_pylist()
            )
        ]
