"""Names of people, found by a spaCy model that the user has: by rules they cannot be told from other words."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

PERSON = "person"
LIBRARIES = ("spacy",)

_LABELS = frozenset({"PERSON", "PER"})
_MOST = 100_000  # characters that a model is shown at once: it needs about a gigabyte for a million


def find_people(texts: pa.Array, model: str) -> Iterator[tuple[int, int, int, str]]:
    """(row, start, end, "person") of the names in each text. Slow: some thousand words a second."""
    nlp = load(model)
    rows = pc.indices_nonzero(pc.fill_null(texts.is_valid(), False)).to_pylist()
    parts = (
        (text[at : at + _MOST], (row, at))
        for row in rows
        for text in (texts[row].as_py(),)
        for at in range(0, len(text), _MOST)
    )
    for found, (row, at) in nlp.pipe(parts, as_tuples=True):
        for entity in found.ents:
            if entity.label_ in _LABELS:
                yield row, at + entity.start_char, at + entity.end_char, PERSON


@functools.lru_cache(maxsize=2)
def load(model: str) -> Any:
    """A model by its name or its folder. Raises ValueError with what is missing, and for one that finds no people."""
    try:
        import spacy
    except ImportError:
        raise ValueError("entities: `person` is found by spaCy: pip install 'curator[pii]'") from None
    try:
        nlp = spacy.load(model)
    except OSError as error:
        raise ValueError(f"ner: no spaCy model {model!r} is installed or stands there ({error})") from None
    pipes: list[Any] = [nlp.get_pipe(name) for name in ("ner", "entity_ruler") if name in nlp.pipe_names]
    labels = {label for pipe in pipes for label in pipe.labels}
    if not labels & _LABELS:
        raise ValueError(f"ner: {model!r} finds no people; it has {', '.join(sorted(labels)) or 'no entities'}")
    return nlp
