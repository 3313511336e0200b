"""The four versioned contracts. A test that fails here means: change the version, and write a line into CHANGELOG.md."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from curator.dedup import DEDUP
from curator.documents import SCHEMA
from curator.engine.manifest import FORMAT, Ledger, Manifest
from curator.metrics import CUTS, METRICS, WORDS
from curator.pipeline.load import _Top
from curator.pipeline.recipe import Recipe
from curator.selection import SELECTION
from curator.sources import SOURCES
from curator.stages import STAGES
from curator.stages.rules import BOUNDS, PARTS
from curator.tokens import shards
from curator.tokens.build import Tokenize
from curator.tokens.mixture import Mixture
from curator.tokens.recipe import VocabularyRecipe
from curator.train import TrainConfig

PINNED = Path(__file__).parent / "contracts.json"


def options(cls: type) -> list[str]:
    return sorted(f.name for f in dataclasses.fields(cls) if f.init and f.name != "name")


def contracts() -> dict[str, object]:
    return {
        "yaml": {
            "top": options(_Top),
            "sources": {name: options(cls) for name, cls in sorted(SOURCES.items())},
            "stages": {
                name: options(cls) for name, cls in sorted({**STAGES, **DEDUP, **SELECTION}.items()) if name != "filter"
            },
            "filter": {"parts": list(PARTS), "bounds": list(BOUNDS), "words": list(WORDS)},
            "metrics": {name: sorted(metric.parameters) for name, metric in sorted({**METRICS, **CUTS}.items())},
            "tokenize": options(Tokenize),
            "mixture": options(Mixture),
            "tokenizer": options(VocabularyRecipe),
            "train": options(TrainConfig),
        },
        "documents": {f.name: str(f.type) for f in SCHEMA},
        "token_shard": {"version": shards.VERSION},
        "manifest": {"format": FORMAT, "fields": options(Manifest), "ledger": options(Ledger)},
    }


def test_the_contracts_are_the_pinned_ones():
    """To accept a change: `python tests/test_contracts.py`, and a line in CHANGELOG.md."""
    assert contracts() == json.loads(PINNED.read_text())


def test_the_changelog_names_every_contract():
    text = (Path(__file__).parents[1] / "CHANGELOG.md").read_text()
    for name in [*SOURCES, *STAGES, *DEDUP, *SELECTION]:
        assert f"`{name}`" in text, f"CHANGELOG.md does not name {name!r}"


def test_a_recipe_holds_what_the_yaml_can_say():
    assert set(options(_Top)) <= {*options(Recipe), "name"}


@pytest.mark.parametrize(
    "name", ["id", "source", "text", "url", "title", "date", "license", "language", "script", "origin", "metadata"]
)
def test_every_document_has(name):
    assert name in SCHEMA.names


if __name__ == "__main__":
    PINNED.write_text(json.dumps(contracts(), indent=1, ensure_ascii=False) + "\n")
