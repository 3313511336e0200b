"""`quality`: how probable it is that a text belongs to the good class of each of some classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa

from curator.documents import Rule
from curator.models import ModelError
from curator.quality.artefact import files_of, open_model

_BOUNDS = ("min", "max")


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Score texts with quality models, folders that `curator quality train` wrote, and keep those between bounds.

        quality: {models: {edu: models/zh_edu, spam: models/zh_spam}, keep: {edu: {min: 0.5}, spam: {max: 0.2}}}

    A column `<stage>.<name>` a model: the calibrated probability (0 to 1, float32) that the text is of the class that the model
    was trained to find, were both classes as frequent. It is that of the whole text, the mean over its tokens, and the same
    number whatever else is in the batch. Null for null texts and for those without a token that the model knows: a rule on a
    null rejects. `keep` gives bounds here; a `filter` can do the same from a file (`quality.edu: {min: 0.5}`), and `cut` keeps
    a top fraction by source and language. The models are linear fastText classifiers (Joulin et al. 2017) over characters and
    words; each is checked against its manifest by size, hash and format before it is used.
    """

    name: str = "quality"
    models: dict[str, str]
    keep: dict[str, dict[str, float]] = field(default_factory=dict)

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[frozenset[str]] = frozenset({"text"})

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("models: name at least one, as {name: folder}")
        for name in self.models:
            if not name.isidentifier():
                raise ValueError(f"models: {name!r} must be a name of letters, digits and _")
        for name, bounds in self.keep.items():
            if name not in self.models:
                raise ValueError(f"keep: no model {name!r}; there are {', '.join(self.models)}")
            if not bounds or any(key not in _BOUNDS or not 0 <= value <= 1 for key, value in bounds.items()):
                raise ValueError(f"keep: {name}: bounds are min and max, from 0 to 1")

    @property
    def writes(self) -> Mapping[str, pa.DataType]:
        return {name: pa.float32() for name in self.models}

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(
            Rule(column=f"{self.name}.{name}", reason=f"{self.name}.{name}", min=bounds.get("min"), max=bounds.get("max"))
            for name, bounds in self.keep.items()
        )

    def files(self) -> Sequence[str]:
        return [path for folder in self.models.values() for path in files_of(folder)]

    def check(self) -> None:
        """Before a run: that every model is whole and fits its manifest."""
        for folder in self.models.values():
            try:
                open_model(folder)
            except ModelError as error:
                raise ValueError(f"models: {error}") from None

    def warm(self) -> None:
        self(pa.RecordBatch.from_pydict({"text": pa.array(["warm 热身 2026"])}))

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        texts = docs.column("text")
        return {name: open_model(folder).scores(texts) for name, folder in self.models.items()}
