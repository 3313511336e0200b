"""The command line: `curator run pipelines/cc_zh.yaml`, and what one does before and after it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
import typer
from rich.console import Console

from curator import __version__, config, storage
from curator.terminal import printable
from curator.tuning.commands import commands as tuning

if TYPE_CHECKING:
    from curator.engine.executor import Inline
    from curator.engine.ray import Ray
    from curator.pipeline.recipe import Recipe

app = typer.Typer(
    help="From raw dumps to the corpus that a language model is pretrained on, and to the model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
console = Console(width=None if sys.stdout.isatty() else 120)  # a log file has no width of its own
complaints = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

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


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        console.print(__version__, highlight=False)
        raise typer.Exit


@app.command()
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
    with _complaining():
        from curator.pipeline.publish import write_summary
        from curator.pipeline.run import run as run_recipe
        from curator.report.funnel import funnel
        from curator.report.progress import Shown

        loaded = _load(recipe, output, changes, sample, verify)
        training = _training(loaded)
        executor = _executor(on, workers)
        try:
            _prepare(loaded, executor)
            summary = run_recipe(loaded, executor, Shown(console))
        finally:
            executor.close()  # the trainer wants the cores
        if training is not None:
            summary["training"] = _train(training, loaded.output)
            write_summary(loaded.output, summary)
        console.print(funnel(summary))
        _write_report(loaded.output)
        _say(f"documents, rejected, tokens, summary.json and report.html are in {loaded.output}/")


@app.command()
def plan(
    recipe: RecipePath, output: Output = None, changes: Changes = None, sample: Sample = 1.0, verify: Verify = False
) -> None:
    """Say what `run` would do, without doing it: passes, shards, and what would run again and why."""
    with _complaining():
        from curator.pipeline.run import plan as plan_recipe
        from curator.report.plan import show_plan

        loaded = _load(recipe, output, changes, sample, verify)
        _training(loaded)
        show_plan(console, loaded, plan_recipe(loaded))


@app.command()
def train(
    recipe: Annotated[
        str, typer.Argument(help="Training options: a YAML file such as pipelines/train/160m.yaml.", metavar="CONFIG")
    ],
    tokens: Annotated[str, typer.Option("--tokens", help="A folder of token shards (`<output>/tokens`).", metavar="DIR")],
    output: Annotated[str, typer.Option("--output", help="Checkpoints and metrics go here.", metavar="DIR")],
) -> None:
    """Train on token shards. Runs under torchrun, and goes on from the newest checkpoint."""
    with _complaining():
        section = config.load(storage.preset("pipelines", recipe))
        _train(_training_config(section), output, tokens)


Tokens = Annotated[str | None, typer.Option("--tokens", help="Its token shards, if not `<output>/tokens`.", metavar="DIR")]
Step = Annotated[int | None, typer.Option("--step", help="The checkpoint of this step, not the newest.", min=1)]
exports = typer.Typer(help="Hand a trained model to other tools.", no_args_is_help=True)
app.add_typer(exports, name="export")


@exports.command("hf")
def export_hf(
    output: Annotated[str, typer.Argument(help="The output of a run that was trained.", metavar="OUTPUT")],
    folder: Annotated[str, typer.Argument(help="Write here: an empty or a new folder.", metavar="FOLDER")],
    tokens: Annotated[
        str | None,
        typer.Option("--tokens", help="Its token shards, if not `<output>/tokens`.", metavar="DIR"),
    ] = None,
    step: Annotated[int | None, typer.Option("--step", help="The checkpoint of this step, not the newest.", min=1)] = None,
) -> None:
    """Write a folder that Hugging Face's transformers loads: LlamaForCausalLM in safetensors, with its tokenizer."""
    with _complaining():
        from curator.train.export import export_hf as write

        made = write(output.rstrip("/"), folder, tokens, step)
        _say(f"{made['folder']}: step {made['step']}, {made['parameters']:,} parameters")


@app.command("eval")
def evaluate(
    output: Annotated[str, typer.Argument(help="The output of a run that was trained.", metavar="OUTPUT")],
    tokens: Tokens = None,
    step: Step = None,
    split: Annotated[str, typer.Option("--split", help="Of the token shards.")] = "validation",
    sequences: Annotated[int, typer.Option("--sequences", help="At most so many, evenly spread; 0 is all.", min=0)] = 0,
    questions: Annotated[
        list[str] | None,
        typer.Option("--questions", help="Files with options to choose from, as CMMLU's CSV.", metavar="GLOB"),
    ] = None,
    form: Annotated[
        Literal["cloze", "letters"], typer.Option("--form", help="Compare the options themselves, or their letters.")
    ] = "cloze",
    language: Annotated[Literal["zh", "en"], typer.Option("--language", help="Of the prompt.")] = "zh",
) -> None:
    """Perplexity and bits per character and byte by source; with --questions, how many it answers right. One JSON object."""
    with _complaining():
        from curator.train import evaluate as judge

        trained = judge.load(output.rstrip("/"), tokens, step)
        found = judge.perplexity(trained, split, sequences)
        if questions:
            files = [file.path for file in storage.find(questions)]
            asked = {path: judge.read_questions(path) for path in files}
            found["questions"] = {
                path.rsplit("/", 1)[-1]: judge.choices(trained, each, form, language) for path, each in asked.items()
            }
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


@app.command()
def digest(output: Annotated[str, typer.Argument(help="The output of a run.", metavar="OUTPUT")]) -> None:
    """Print one hash over the documents and the tokens of an output: equal runs give equal hashes."""
    with _complaining():
        from curator.engine.digest import output_digest

        found = output_digest(output.rstrip("/"))
        print(f"{found['all']}  documents {found['documents']}  tokens {found['tokens']}")


@app.command()
def report(output: Annotated[str, typer.Argument(help="The output of a run.", metavar="OUTPUT")]) -> None:
    """Print the funnel of a finished run and write its report.html again."""
    with _complaining():
        from curator.report.funnel import funnel

        console.print(funnel(_summary(output.rstrip("/"))))
        _write_report(output.rstrip("/"))


@app.command()
def clean(
    recipe: RecipePath,
    output: Output = None,
    changes: Changes = None,
    sample: Sample = 1.0,
    dry: Annotated[bool, typer.Option("--dry", help="Only say what would go.")] = False,
) -> None:
    """Remove intermediate files of passes that the recipe no longer refers to, and what killed processes left half-written."""
    with _complaining():
        from curator.pipeline.clean import clean as clean_output

        loaded = _load(recipe, output, changes, sample, verify=False)
        removed, size = clean_output(loaded, dry)
        console.print(f"{'would remove' if dry else 'removed'} {removed} files, {size / 1e6:.1f} MB", highlight=False)


# ------------------------------------------------------------------------------------------------------------- download

downloads = typer.Typer(
    help="Bring raw dumps from the internet: Common Crawl, Wikipedia. Stopped downloads go on; every file is checked.",
    no_args_is_help=True,
)
app.add_typer(downloads, name="download")

Connections = Annotated[int, typer.Option("--connections", help="Files at a time. Both hosts ask for few.", min=1, max=8)]
Tries = Annotated[int, typer.Option("--tries", help="Give up after so many failures in a row.", min=1)]
Rehash = Annotated[bool, typer.Option("--verify", help="Hash files that are there already again, and bring what is damaged.")]


@downloads.command("commoncrawl")
def download_commoncrawl(
    crawl: Annotated[str, typer.Option("--crawl", help="A crawl, such as CC-MAIN-2024-10.", metavar="NAME")],
    files: Annotated[
        int, typer.Option("--files", help="How many, evenly spread over the crawl; a larger number keeps these.", min=1)
    ],
    kind: Annotated[Literal["warc", "wet"], typer.Option("--kind", help="Pages as they came, or as text.")] = "warc",
    to: Annotated[str, typer.Option("--to", help="The folder to write into.", metavar="DIR")] = "data/cc",
    connections: Connections = 2,
    tries: Tries = 8,
    verify: Rehash = False,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="Another host with these paths.", envvar="CURATOR_COMMONCRAWL_URL", metavar="URL"),
    ] = None,
) -> None:
    """Bring a sample of a Common Crawl snapshot, for `read: warc` (or `wet`) `from: data/cc/*.warc.gz`."""
    with _complaining():
        from curator.download import CRAWLS, Session, Shown, crawl_files, fetch_all, local_folder

        shown, folder = Shown(console), local_folder(to)
        session = Session(tries=tries, note=shown.note)
        wanted = crawl_files(session, crawl, files, kind, base_url or CRAWLS)
        outcome = fetch_all(wanted, folder, session, shown, connections=connections, verify=verify)
        console.print(f"{outcome} of {crawl} in {to.rstrip('/')}/", highlight=False)


@downloads.command("wikipedia")
def download_wikipedia(
    lang: Annotated[str, typer.Option("--lang", help="The code of its address: zh, en, zh-yue.", metavar="CODE")],
    date: Annotated[str, typer.Option("--date", help="`latest`, or the day of a dump.", metavar="YYYYMMDD")] = "latest",
    to: Annotated[str, typer.Option("--to", help="The folder to write into.", metavar="DIR")] = "data",
    connections: Connections = 2,
    tries: Tries = 8,
    verify: Rehash = False,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="A mirror of the dumps.", envvar="CURATOR_WIKIPEDIA_URL", metavar="URL")
    ] = None,
) -> None:
    """Bring the articles of a Wikipedia (multistream dump), for `read: wikipedia` `from: data/zhwiki-*.xml*.bz2`."""
    with _complaining():
        from curator.download import DUMPS, Session, Shown, bring_wikipedia, local_folder

        shown, folder = Shown(console), local_folder(to)
        session = Session(tries=tries, note=shown.note)
        found, outcome = bring_wikipedia(
            session, shown, folder, lang, date, base_url or DUMPS, connections=connections, verify=verify
        )
        console.print(f"{outcome} of {found} in {to.rstrip('/')}/", highlight=False)


app.add_typer(tuning)  # score, retune, inspect, metrics


# ---------------------------------------------------------------------------------------------------------------- parts


def _load(recipe: str, output: str | None, changes: list[str] | None, sample: float, verify: bool) -> Recipe:
    from curator.pipeline.load import load_recipe

    if not 0 < sample <= 1:
        raise typer.BadParameter("must be a fraction above 0 and up to 1", param_hint="--sample")
    return load_recipe(recipe, changes=changes or (), output=output, sample=sample, verify=verify)


def _executor(on: str | None, workers: int | None) -> Inline | Ray:
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


def _prepare(recipe: Recipe, executor: Inline | Ray) -> None:
    """Compile kernels once, before many workers do it at the same time; then let every node look at its files."""
    kinds: dict[type, list[Any]] = {}  # stages of one kind share kernels; those of two are compiled beside each other
    for spec in recipe.stages:
        if hasattr(spec.placed.stage, "warm"):
            kinds.setdefault(type(spec.placed.stage), []).append(spec.placed.stage)
    with console.status("compiling kernels (kept for the next run)"):
        for _ in executor.map(_warm, list(kinds.values())):
            pass
    if hasattr(executor, "preflight"):
        inputs = [storage.find(s.patterns, s.exclude)[0].path for s in recipe.sources.values()]
        models = [path for spec in recipe.stages for path in spec.placed.stage.files()]
        nodes = executor.preflight(recipe.output, inputs, models)  # type: ignore[union-attr]
        if nodes:
            console.print(f"output, inputs and models are seen by all nodes ({len(nodes)})", highlight=False)


def _warm(stages: list[Any]) -> None:
    for stage in stages:
        stage.warm()


def _training(recipe: Recipe) -> Any:
    if recipe.train is None:
        return None
    if storage.is_remote(recipe.output):
        raise recipe.train.error(
            "training writes checkpoints to a folder: give a local or shared output, or --set train=null and `curator train`"
        )
    return _training_config(recipe.train)


def _training_config(section: config.Section) -> Any:
    try:
        from curator.train import TrainConfig
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise section.error("training needs PyTorch, which is not installed: pip install torch") from None
    return config.build(TrainConfig, section)


def _train(training: Any, output: str, tokens: str | None = None) -> dict[str, Any]:
    from curator.pipeline.run import RunFailed
    from curator.tokens.shards import ShardError
    from curator.train import train as train_model
    from curator.train.checkpoint import CheckpointMismatch
    from curator.train.loop import TrainingDiverged

    console.print("[bold]training[/]")
    shards = tokens or storage.join(output, "tokens")
    try:
        try:
            return train_model(training, shards, output, progress=_tell)
        except CheckpointMismatch as error:
            if tokens is not None:
                raise
            aside = _set_aside(output)
            _say(f"  {error}\n  so training begins anew; the earlier checkpoints are kept in {aside}")
            return train_model(training, shards, output, progress=_tell)
    except (CheckpointMismatch, TrainingDiverged, ShardError) as error:
        raise RunFailed(f"training: {error}") from error


def _set_aside(output: str) -> str:
    """A run whose corpus has changed trains anew, and never throws away what was trained before."""
    number = 1
    while os.path.exists(aside := os.path.join(output, f"checkpoints.{number}")):
        number += 1
    os.rename(os.path.join(output, "checkpoints"), aside)
    return aside


def _tell(record: dict[str, Any]) -> None:
    from curator.train.journal import plain_line

    _say(f"  {plain_line(record)}")


def _say(line: str) -> None:
    console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def _summary(output: str) -> dict[str, Any]:
    path = storage.join(output, "summary.json")
    if not storage.exists(path):
        raise storage.StorageError(
            f"{output}: there is no summary.json; the run is not finished (run it again), or this is no output"
        )
    return orjson.loads(storage.read_bytes(path))


def _write_report(output: str) -> None:
    from curator.report.page import write_report

    write_report(output)


@contextmanager
def _complaining() -> Iterator[None]:
    """Errors that are the user's to mend are printed as one plain sentence; a defect of ours keeps its traceback."""
    from curator.engine.lease import OutputInUse
    from curator.engine.passes import TooManyErrors
    from curator.engine.quarantine import WorkerKillers
    from curator.engine.ray import ClusterError
    from curator.pipeline.load import RecipeErrors
    from curator.pipeline.run import RunFailed
    from curator.tokens.shards import ShardError
    from curator.train.config import TrainedRunError
    from curator.wheels import WheelError

    stopped = (storage.StorageError, WheelError, OutputInUse, TooManyErrors, WorkerKillers, ClusterError, RunFailed)
    try:
        yield
    except (config.ConfigError, RecipeErrors) as error:
        complaints.print(printable(str(error)))
        raise typer.Exit(2) from None
    except (*stopped, ShardError, TrainedRunError) as error:
        complaints.print(printable(f"curator: {error}"))
        raise typer.Exit(1) from None
    except OSError as error:  # the output cannot be written, the disk is full …
        complaints.print(printable(f"curator: {error.filename or ''}: {error.strerror or error}"))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complaints.print("curator: stopped; run the same command again to go on")
        raise typer.Exit(130) from None


def main() -> None:
    """The `curator` command."""
    sys.exit(app())


if __name__ == "__main__":
    main()
