"""`classifier`: a transformer's verdict on each document."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from curator.documents import Rule
from curator.errors import require_within
from curator.stages.classifier_model import ClassifierError, check_folder, classifier, labels_of, model_files


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """Score each document with a sequence classifier from a local Hugging Face folder: `config.json`, `tokenizer.json` and
    safetensors. No weights are unpickled, no code of the model runs, nothing is fetched. Needs `curator[classifier]`.

    `score` is the number itself of a model with one head (a regression, such as FineWeb-Edu's from 0 to 5), else the
    probability of `label` (softmax, or sigmoid where the model is multi-label); `label` is the most probable one. The first
    `windows` windows of `max_tokens` tokens, special ones among them, are scored, and averaged by their tokens; `truncated`
    says whether a text went on behind them. A window is looked for in 16 characters a token. Null for a text that is null or
    has no token. `min` and `max` bound the score.

    On a CPU scores are the same whatever a text is batched with: one window at a time, in one thread, float32. On a GPU
    (`device: cuda`), `batch` windows of like length go together, in shapes that do not depend on the shard; scores are then
    those of that kind of GPU. `resources: {gpu: 0.25}` is what Ray reserves for a worker: four of them share a GPU. `sha256`
    pins `model.safetensors`.
    """

    model: str
    label: str | None = None
    max_tokens: int = 512
    windows: int = 1
    min: float | None = None
    max: float | None = None
    device: Literal["cpu", "cuda"] = "cpu"
    batch: int = 32
    sha256: str | None = None
    resources: dict[str, float] = field(default_factory=dict, compare=False)
    name: str = "classifier"

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("tokenizers", "torch", "transformers")
    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    writes: ClassVar[Mapping[str, pa.DataType]] = {
        "score": pa.float32(),
        "label": pa.string(),
        "tokens": pa.int32(),
        "truncated": pa.bool_(),
    }

    def __post_init__(self) -> None:
        require_within(self, max_tokens=(8, 1 << 20), windows=(1, 1000), batch=(1, 4096))
        for name, amount in self.resources.items():
            if not amount > 0 or (name == "gpu" and amount > 1 and not float(amount).is_integer()):
                raise ValueError(f"resources: {name}: {amount:g}; above 0, and of GPUs a part of one or whole ones")

    @property
    def rules(self) -> Sequence[Rule]:
        if self.min is None and self.max is None:
            return ()
        return (Rule(column=f"{self.name}.score", reason=f"{self.name}.score", min=self.min, max=self.max),)

    def files(self) -> Sequence[str]:
        return model_files(self.model)

    def check(self) -> None:
        """Raise ClassifierError unless the folder holds a whole model that has the label."""
        for library in ("tokenizers", "torch", "transformers"):
            if importlib.util.find_spec(library) is None:
                raise ClassifierError(f"classifier: {library} is not installed: install curator[classifier]")
        self._place(labels_of(check_folder(self.model, self.max_tokens, self.sha256)))

    def _place(self, labels: Sequence[str]) -> int:
        """Which head tells the score."""
        if self.label is None:
            if len(labels) > 1:
                raise ClassifierError(f"label: {self.model} has {', '.join(labels)}; name the one whose probability is wanted")
            return 0
        if len(labels) == 1:
            raise ClassifierError(f"label: {self.model} has one head, whose number is the score; leave it out")
        if self.label not in labels:
            raise ClassifierError(f"label: {self.model} has no {self.label!r}, but {', '.join(labels)}")
        return labels.index(self.label)

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        model = classifier(self.model, self.device, self.max_tokens, self.batch)
        head = self._place(model.labels)
        windows: list[list[int]] = []
        rows: list[int] = []
        cut: list[bool | None] = []
        for row, text in enumerate(docs.column("text").to_pylist()):
            found, more = ([], None) if text is None else model.windows(text, self.windows)
            windows += found
            rows += [row] * len(found)
            cut.append(more)
        weights = np.array([len(window) for window in windows], np.float64)
        tokens = np.bincount(rows, weights, minlength=len(docs)).astype(np.int64)
        sums = np.zeros((len(docs), len(model.labels)))
        np.add.at(sums, rows, model.scores(windows) * weights[:, None])
        values = sums / np.maximum(tokens, 1)[:, None]
        nothing = tokens == 0
        best = [None if none or len(model.labels) == 1 else model.labels[b] for none, b in zip(nothing, values.argmax(axis=1))]
        return {
            "score": pa.array(values[:, head].astype(np.float32), mask=nothing),
            "label": pa.array(best, pa.string()),
            "tokens": pa.array(tokens.astype(np.int32), mask=pa.array(cut).is_null().to_numpy(zero_copy_only=False)),
            "truncated": pa.array(cut, pa.bool_()),
        }
