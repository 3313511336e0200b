"""`curator plan`, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from curator.pipeline.plan import routes
from curator.pipeline.recipe import Recipe
from curator.pipeline.run import PassPlan
from curator.terminal import printable

MOST_REASONS = 12


def show_plan(console: Console, recipe: Recipe, plans: Sequence[PassPlan]) -> None:
    """Every source's way through the recipe, then every pass: what is done, what would run, and which fields changed."""

    def say(line: str) -> None:
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    say(f"{recipe.name} ({recipe.path}) -> {recipe.output}")
    for note in recipe.notes:
        say(note)
    for source, legs in routes(recipe).items():
        names = []
        for leg in legs:
            names += [s.placed.name for s in leg.stages]
            names += [f"[{leg.ends.placed.name}]"] if leg.ends else []
        say(f"  {source}: {legs[0].source.kind} -> {' -> '.join(names) or 'as it is'}")
    for each in plans:
        if each.unknown:
            say(f"pass {each.number + 1}: cannot be told yet; {each.unknown}")
            continue
        todo = [s for s in each.states if not s.done]
        size = sum(s.leg.split.size for s in todo if s.leg.split)
        read = f", {size / 1e6:,.1f} MB to read" if size else ""
        say(f"pass {each.number + 1}: {len(each.states)} shards, {len(each.states) - len(todo)} done, {len(todo)} to run{read}")
        reasons = Counter(reason for s in todo for reason in s.reasons)
        for reason, count in reasons.most_common(MOST_REASONS):
            say(f"  {count} x {reason}")
        for state in todo[:MOST_REASONS] if len(todo) < len(each.states) else []:
            say(f"  would run: {state.leg.key}")
    if recipe.tokenize:
        say(f"tokens: {recipe.tokenize.tokenizer}, sequences of {recipe.tokenize.sequence_length}")
    if recipe.train is not None:
        say(f"training: {recipe.train.path}")
