"""All of it in one call. Killed and called again it goes on: arms and trainings resume from their own files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from curator import storage
from curator.ablation import arms as curations
from curator.ablation.arms import AblationError, Arm
from curator.ablation.compare import compare
from curator.ablation.held_out import HeldOut, clean
from curator.documents import Executor
from curator.pipeline.recipe import Recipe
from curator.pipeline.watch import Watch
from curator.train import TrainConfig, train

Tell = Callable[[str], None]
Prepare = Callable[[Recipe], None]


def curate(
    recipes: Sequence[str], output: str, names: Sequence[str], executor: Executor, watch: Watch, prepare: Prepare, tell: Tell
) -> list[Arm]:
    """Both recipes to token shards below `output`; the second uses the vocabulary of the first."""
    made: list[Arm] = []
    for name, path in zip(names, recipes, strict=True):
        folder = storage.join(output, name)
        recipe = curations.with_tokenizer_of(made[0], path, folder) if made else curations.load(path, folder)
        tell(f"arm {name}: {path}")
        prepare(recipe)
        made.append(curations.curate(name, recipe, executor, watch))
    return made


def judge(
    made: Sequence[Arm], config: TrainConfig, seeds: Sequence[int], sets: Sequence[HeldOut], output: str, tell: Tell
) -> dict[str, Any]:
    """Train every arm with every seed and compare them on every set; writes `ablation.json` below `output`."""
    from curator.ablation.judge import losses
    from curator.train import evaluate

    facts = [arm.facts() for arm in made]
    if facts[0]["tokenizer"] != facts[1]["tokenizer"]:
        raise AblationError("the arms have two vocabularies; remove the output and begin again")
    left, gone = clean(sets, made)
    for held in left:
        tell(f"validation {held.name}: {len(held.texts)} documents; {gone[held.name]} more are in an arm and were left out")
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    budget = 0
    for seed in seeds:
        for arm in made:
            folder = storage.join(output, arm.name, f"seed-{seed}")
            trained = train(dataclasses.replace(config, seed=seed), arm.tokens, folder, _quiet)
            budget = trained["tokens"]
            tell(f"arm {arm.name}, seed {seed}: {trained['step']} steps, loss {trained['last_loss']:.4f}")
            model = evaluate.load(folder, arm.tokens)
            for held in left:
                found.setdefault((held.name, arm.name), []).append(losses(model, held))
    rows = [_compared(held, made, found).plain() for held in left]
    result = {
        "arms": [{**fact, "epochs": budget / max(fact["shard_tokens"], 1)} for fact in facts],
        "tokens": budget,
        "seeds": list(seeds),
        "removed": gone,
        "sets": rows,
    }
    storage.write_bytes(storage.join(output, "ablation.json"), orjson.dumps(result, option=orjson.OPT_INDENT_2))
    return result


def _compared(held: HeldOut, made: Sequence[Arm], found: Mapping[tuple[str, str], list[np.ndarray]]) -> Any:
    sizes = np.array([len(text.encode()) for text in held.texts], np.int64)
    first, second = (np.stack(found[held.name, arm.name]) for arm in made)
    return compare(held.name, first, second, sizes)


def _quiet(record: dict[str, Any]) -> None:
    """What the trainer tells is in its metrics.jsonl."""
