"""`run`, `plan`, and what looks after an output: `digest`, `report`, `clean`."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curator import storage
from curator.cli.errors import complaining, console, say
from curator.cli.training import train_on, training_of

if TYPE_CHECKING:
    from curator.engine.executor import Inline
    from curator.engine.ray import Ray
    from curator.pipeline.recipe import Recipe

commands = typer.Typer()

RecipePath = Annotated[
    str, typer.Argument(help="A pipeline: a YAML file, or the name of one that curator ships.", metavar="RECIPE")
]
Output = Annotated[str | None, typer.Option("--output", help="Write here instead of the recipe's `output:`.", metavar="DIR")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one value of the recipe: sources.web.from=data/*.warc.gz", metavar="KEY=VALUE"),
]
Sample = Annotated[
    float, typer.Option("--sample", help="Only this fraction of the documents, by hash, into an output of its own.")
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Compare raw inputs by content, not by size and modification time: give it on every run of an output, or on none.",
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        help="Where to run: `local` (a Ray on this machine; the default), `inline` (this process), `auto` (the cluster this "
        "machine belongs to; the default inside `ray job submit`), or the `host:port` of a cluster.",
        metavar="WHERE",
    ),
]
Workers = Annotated[int | None, typer.Option("--workers", help="Use at most so many CPUs.", min=1)]


@commands.command()
def run(
    recipe: RecipePath,
    output: Output = None,
    changes: Changes = None,
    sample: Sample = 1.0,
    verify: Verify = False,
    on: On = None,
    workers: Workers = None,
) -> None:
    """Run a recipe: whatever is not done yet, up to the trained model and the report.

    It can be killed at any moment and run again: what is done stays, and the result is the same bytes.
    """
    with complaining():
        from curator.engine.lease import Lease
        from curator.pipeline.publish import write_summary
        from curator.pipeline.run import find
        from curator.pipeline.run import run as run_recipe
        from curator.report.funnel import funnel
        from curator.report.progress import Shown

        loaded = _load(recipe, output, changes, sample, verify)
        training = training_of(loaded)
        inputs = find(loaded)  # what is wrong with them is told before a cluster starts
        with Lease(loaded.output):
            executor = executor_for(on, workers)
            try:
                prepare(loaded, executor)
                summary = run_recipe(loaded, executor, Shown(console), inputs)
            finally:
                executor.close()  # the trainer wants the cores
            if training is not None:
                summary["training"] = train_on(training, loaded.output)
                write_summary(loaded.output, summary)
            console.print(funnel(summary))
            _write_report(loaded.output)
        made = "documents, rejected, tokens" if loaded.tokenize else "documents, rejected"
        say(f"{made}, summary.json and report.html are in {loaded.output}/")


@commands.command()
def plan(
    recipe: RecipePath, output: Output = None, changes: Changes = None, sample: Sample = 1.0, verify: Verify = False
) -> None:
    """Say what `run` would do, without doing it: passes, shards, and what would run again and why."""
    with complaining():
        from curator.pipeline.run import plan as plan_recipe
        from curator.report.plan import show_plan

        loaded = _load(recipe, output, changes, sample, verify)
        training_of(loaded)
        show_plan(console, loaded, plan_recipe(loaded))


@commands.command()
def digest(output: Annotated[str, typer.Argument(help="The output of a run.", metavar="OUTPUT")]) -> None:
    """Print one hash over the documents and the tokens of an output: equal runs give equal hashes."""
    with complaining():
        from curator.engine.digest import output_digest

        found = output_digest(output.rstrip("/"))
        print(f"{found['all']}  documents {found['documents']}  tokens {found['tokens']}")


@commands.command()
def report(output: Annotated[str, typer.Argument(help="The output of a run.", metavar="OUTPUT")]) -> None:
    """Print the funnel of a finished run and write its report.html again."""
    with complaining():
        from curator.pipeline.finished import read_summary
        from curator.report.funnel import funnel

        console.print(funnel(read_summary(output.rstrip("/"))))
        _write_report(output.rstrip("/"))


@commands.command()
def clean(
    recipe: RecipePath,
    output: Output = None,
    changes: Changes = None,
    sample: Sample = 1.0,
    dry: Annotated[bool, typer.Option("--dry", help="Only say what would go.")] = False,
) -> None:
    """Remove intermediate files that nothing needs again: those of passes that the recipe no longer refers to, those of a
    finished run's whole-dataset stages, and what killed processes left half-written."""
    with complaining():
        from curator.pipeline.clean import clean as clean_output

        loaded = _load(recipe, output, changes, sample, verify=False)
        removed, size = clean_output(loaded, dry)
        console.print(f"{'would remove' if dry else 'removed'} {removed} files, {size / 1e6:.1f} MB", highlight=False)


# --------------------------------------------------------------------------------------------------------------- parts


def _load(recipe: str, output: str | None, changes: list[str] | None, sample: float, verify: bool) -> Recipe:
    from curator.pipeline.load import load_recipe

    if not 0 < sample <= 1:
        raise typer.BadParameter("must be a fraction above 0 and up to 1", param_hint="--sample")
    return load_recipe(recipe, changes=changes or (), output=output, sample=sample, verify=verify)


def executor_for(on: str | None, workers: int | None) -> Inline | Ray:
    if on is None:
        on = "auto" if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ else "local"
    if on == "inline":
        if workers:
            raise typer.BadParameter("`inline` is one process", param_hint="--workers")
        from curator.engine.executor import Inline

        return Inline()
    from curator.engine.ray import Ray

    made = Ray(on, workers)
    # A cluster's scheduler stops a run with SIGTERM; the handler that Ray has just set would abort with a stack trace.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return made


def prepare(recipe: Recipe, executor: Inline | Ray) -> None:
    """Compile kernels once, before many workers do it at the same time; then let every node look at its files."""
    parts: dict[str, list[Callable[[], object]]] = {}  # what shares kernels, one after the other
    for spec in recipe.stages:
        stage: Any = spec.placed.stage
        if hasattr(stage, "warmings"):
            parts |= {name: [part] for name, part in stage.warmings().items()}
        elif hasattr(stage, "warm"):
            parts.setdefault(spec.kind, []).append(stage.warm)
    with console.status("compiling kernels (kept for the next run)"):
        for _ in executor.map(_warm, list(parts.values())):
            pass
    if hasattr(executor, "preflight"):
        inputs = [storage.find(s.patterns, s.exclude)[0].path for s in recipe.sources.values()]
        models = [path for spec in recipe.stages for path in spec.placed.stage.files()]
        nodes = executor.preflight(recipe.output, inputs, models)  # type: ignore[union-attr]
        if nodes:
            console.print(f"output, inputs and models are seen by all nodes ({len(nodes)})", highlight=False)


def _warm(parts: list[Callable[[], object]]) -> None:
    gc.disable()  # a compiler makes many objects and drops few: to look for cycles among them is a sixth of its time
    try:
        for part in parts:
            part()
    finally:
        gc.enable()


def _write_report(output: str) -> None:
    from curator.report.page import write_report

    write_report(output)
