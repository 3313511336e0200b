"""The arms of an ablation: each recipe run as it is, but for its tokenizer (one for all) and its training (the ablation's)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from tokenizers import Tokenizer

from curator import storage
from curator.documents import Executor
from curator.errors import UserError
from curator.pipeline.load import load_recipe
from curator.pipeline.recipe import Recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch
from curator.tokens.shards import TokenShards


class AblationError(UserError):
    """Two arms that cannot be compared, in words for the user."""


@dataclass(frozen=True)
class Arm:
    """A curation that is done: its documents and its token shards below `output`."""

    name: str
    output: str
    summary: dict[str, Any]

    @property
    def tokens(self) -> str:
        return storage.join(self.output, "tokens")

    def facts(self) -> dict[str, Any]:
        """Documents that were kept, and the tokens of the training split, each counted once."""
        manifest = orjson.loads(storage.read_bytes(storage.join(self.tokens, "manifest.json")))
        return {
            "name": self.name,
            "documents": sum(source["kept"] for source in self.summary["sources"].values()),
            "tokenizer": manifest["tokenizer"]["hash"],
            "unique_tokens": sum(part["available_tokens"] for part in manifest["parts"]),
            "shard_tokens": len(TokenShards(self.tokens)) * manifest["sequence_length"],
        }


def load(path: str, output: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe, without its own training. Raises RecipeErrors; AblationError if it makes no tokens."""
    recipe = load_recipe(path, changes=[*changes, "train=null"], output=output)
    if recipe.tokenize is None:
        raise AblationError(f"{path}: has no `tokenize:`, so there is nothing to train on")
    return recipe


def curate(name: str, recipe: Recipe, executor: Executor, watch: Watch) -> Arm:
    """Run what is not done yet."""
    return Arm(name, recipe.output, run(recipe, executor, watch))


def with_tokenizer_of(arm: Arm, path: str, output: str) -> Recipe:
    """Another recipe whose documents become tokens of the arm's own vocabulary: losses of two vocabularies do not compare."""
    shards = TokenShards(arm.tokens)
    vocabulary = storage.absolute(storage.join(arm.tokens, "tokenizer.json"))
    eos = Tokenizer.from_buffer(shards.tokenizer()).id_to_token(shards.eos)
    recipe = load(path, output, [f"tokenize.tokenizer={vocabulary}", f"tokenize.eos={eos}"])
    assert recipe.tokenize is not None
    if recipe.tokenize.sequence_length != shards.sequence_length:
        raise AblationError(
            f"{path}: sequence_length: {recipe.tokenize.sequence_length}, and {shards.sequence_length} in the other arm: "
            "give both the same"
        )
    return recipe
