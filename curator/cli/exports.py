"""`export`: a trained model, or token shards, in the format of other tools."""

from __future__ import annotations

from typing import Annotated

import typer

from curator import storage
from curator.cli.errors import complaining, say

commands = typer.Typer(help="Hand a trained model or token shards to other tools.", no_args_is_help=True)
_WHERE = "an empty or a new folder, or one that holds an export of the same {}, which is written again"


@commands.command("hf")
def export_hf(
    output: Annotated[str, typer.Argument(help="The output of a run that was trained.", metavar="OUTPUT")],
    folder: Annotated[str, typer.Argument(help=f"Write here: {_WHERE.format('checkpoint')}.", metavar="FOLDER")],
    tokens: Annotated[
        str | None,
        typer.Option("--tokens", help="Its token shards, if not `<output>/tokens`.", metavar="DIR"),
    ] = None,
    step: Annotated[int | None, typer.Option("--step", help="The checkpoint of this step, not the newest.", min=1)] = None,
) -> None:
    """Write a folder that Hugging Face's transformers loads: LlamaForCausalLM in safetensors, with its tokenizer."""
    with complaining():
        from curator.train.export import export_hf as write

        made = write(storage.absolute(output).rstrip("/"), folder, tokens, step)
        say(f"{made['folder']}: step {made['step']}, {made['parameters']:,} parameters")


Output = Annotated[str, typer.Argument(help="The output of a run, or a folder of token shards.", metavar="OUTPUT")]
Folder = Annotated[
    str,
    typer.Argument(
        help=f"Write here: {_WHERE.format('shards')}.",
        metavar="FOLDER",
    ),
]


@commands.command("megatron")
def export_megatron(output: Output, folder: Folder) -> None:
    """Token shards as Megatron-LM's indexed datasets: SPLIT.bin and SPLIT.idx, a document for each sequence."""
    _shards("megatron", output, folder)


@commands.command("nanotron")
def export_nanotron(output: Output, folder: Folder) -> None:
    """Token shards as datatrove's and nanotron's .ds files, with the ends of the documents."""
    _shards("nanotron", output, folder)


@commands.command("olmo")
def export_olmo(output: Output, folder: Folder) -> None:
    """Token shards as OLMo-core's .npy files of ids, with the documents in .csv.gz."""
    _shards("olmo", output, folder)


@commands.command("parquet")
def export_parquet(output: Output, folder: Folder) -> None:
    """Token shards as Parquet for Hugging Face datasets: input_ids, starts of documents, padding, source, documents."""
    _shards("parquet", output, folder)


def _shards(kind: str, output: str, folder: str) -> None:
    with complaining():
        from curator.tokens.export import export

        made = export(kind, output, folder)
        counts = ", ".join(f"{count:,} of {split}" for split, count in made["splits"].items())
        say(f"{folder.rstrip('/')}: sequences of {made['ids_per_sequence']:,} ids: {counts}")
