"""`tokenizer train`, `extend`, `convert`, `compare`; `trace`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import orjson
import typer

from curator.cli.errors import complaining, console, say
from curator.cli.replacing import Replace, check_free

commands = typer.Typer(help="Vocabularies: train one, extend one by Chinese, convert, compare.", no_args_is_help=True)
tracing = typer.Typer()

Documents = Annotated[
    list[str] | None,
    typer.Argument(help="Runs' outputs, or globs of Parquet, JSON lines, text (a document a line), dumps.", metavar="PATTERN"),
]
Folder = Annotated[str, typer.Option("--to", help="The folder of the tokenizer.", metavar="FOLDER")]
Read = Annotated[
    str | None, typer.Option("--read", help="The source that reads the files: wikipedia, books …", metavar="SOURCE")
]
Field = Annotated[str, typer.Option("--text", help="The field that holds the text.", metavar="FIELD")]


@commands.command("train")
def tokenizer_train(
    recipe: Annotated[str, typer.Argument(help="A recipe, such as tokenizers/zh_en_32k.yaml.", metavar="RECIPE")],
    documents: Documents = None,
    to: Annotated[
        str | None, typer.Option("--to", help="The folder of the tokenizer; its name, unless given.", metavar="FOLDER")
    ] = None,
    read: Read = None,
    text: Field = "text",
    replace: Replace = False,
) -> None:
    """Train a vocabulary on a sample of documents, without those held out for validation: tokenizer.json, training.json."""
    with complaining(again=""):
        from curator.tokens.build import read_recipe
        from curator.tokens.recipe import TRAINED

        options = read_recipe(recipe)
        name = recipe.rsplit("/", 1)[-1].removesuffix(".yaml")
        to = to or name
        check_free(to, TRAINED, replace)
        _train(options, documents, to, read, text)


@commands.command("extend")
def tokenizer_extend(
    base: Annotated[
        str, typer.Argument(help="A tokenizer of byte-level BPE: tokenizer.json, *.tiktoken, GPT-2's files.", metavar="BASE")
    ],
    documents: Annotated[
        list[str],
        typer.Argument(help="Runs' outputs, or globs of Parquet, JSON lines, text, dumps.", metavar="PATTERN"),
    ],
    size: Annotated[int, typer.Option("--size", help="Ids in all.", min=1)],
    to: Folder,
    special: Annotated[
        list[str] | None, typer.Option("--special", help="A special token to add, if the base lacks it; may be repeated.")
    ] = None,
    sample: Annotated[str, typer.Option("--sample", help="Bytes of text to learn from.")] = "50 MB",
    read: Read = None,
    text: Field = "text",
    replace: Replace = False,
) -> None:
    """Add merges for Chinese to a vocabulary: no old id changes. Also writes new_tokens.parquet, which says for each new id of
    which old ones its embedding should be the mean."""
    with complaining(again=""):
        from curator.config import ConfigError, quantity
        from curator.tokens.recipe import TRAINED, VocabularyRecipe

        try:
            options = VocabularyRecipe(
                base=base,
                size=size,
                special=tuple(special or ("<|endoftext|>",)),
                sample_bytes=quantity(sample) or 0,
            )
        except ValueError as error:
            raise ConfigError(str(error), "tokenizer extend") from None
        check_free(to, TRAINED, replace)
        _train(options, documents, to, read, text)


def _train(options, documents: list[str] | None, to: str, read: str | None, text: str) -> None:
    from curator.engine.executor import Inline
    from curator.pipeline.corpus import Corpus, CorpusError
    from curator.storage import StorageError
    from curator.tokens.recipe import write
    from curator.tokens.sample import choose

    patterns = documents or list(options.corpus)
    if not patterns:
        raise CorpusError("name documents to learn from: here, or with corpus: in the recipe")
    corpus = Corpus(patterns, read or options.read, text)
    try:
        _ = corpus.files
    except StorageError as error:
        if documents:
            raise
        raise CorpusError(
            f"{error}, which the recipe has as its corpus: run the pipeline that writes it, or name documents"
        ) from None
    options = replace(options, weights=options.weights or corpus.weights)
    with console.status("reading and training"):
        sample = choose(options, [corpus.__iter__], Inline())
        if not sample.documents:
            raise CorpusError(f"{', '.join(patterns)}: no document with text, of a source that the weights name")
        made = write(options, sample, to)
    say(f"{to}: {made['vocabulary_size']:,} ids, from {made['documents']:,} documents, {made['bytes'] / 1e6:,.1f} MB")


@commands.command("convert")
def tokenizer_convert(
    source: Annotated[
        str, typer.Argument(help="tokenizer.json, *.tiktoken, vocab.bpe, vocab.txt (BERT), *.model.", metavar="FROM")
    ],
    to: Annotated[str, typer.Argument(help="A new *.json, or *.tiktoken.", metavar="TO")],
    pattern: Annotated[
        str | None, typer.Option("--pattern", help="Of tiktoken's ranks: gpt2, cl100k, qwen, or a regex.", metavar="REGEX")
    ] = None,
) -> None:
    """Write a tokenizer of one format in another: Hugging Face's tokenizer.json, or tiktoken's ranks."""
    with complaining(again=""):
        from curator import storage
        from curator.tokens import formats

        data = formats.read(source, pattern)
        if to.endswith(".tiktoken"):
            storage.write_bytes(to, formats.write_tiktoken(data))
            say(f"{to}: split with the pattern {formats.split_pattern(data)}")
            if special := formats.special_tokens(data):
                listed = ", ".join(f"{token} = {number}" for token, number in special.items())
                say(f"  ranks hold no special tokens; give these to tiktoken beside them: {listed}")
        elif to.endswith(".json"):
            storage.write_bytes(to, data)
            say(to)
        else:
            raise formats.FormatError(f"{to}: name it *.json or *.tiktoken")


@commands.command("compare")
def tokenizer_compare(
    documents: Annotated[
        list[str], typer.Argument(help="Runs' outputs, or globs of Parquet, JSON lines, text, dumps.", metavar="PATTERN")
    ],
    tokenizers: Annotated[
        list[str], typer.Option("--tokenizer", help="A tokenizer of any format; may be repeated.", metavar="FILE")
    ],
    read: Read = None,
    text: Field = "text",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """A table: bytes and characters per token of each tokenizer, by source."""
    with complaining(again=""):
        from curator.pipeline.corpus import Corpus
        from curator.tokens.compression import compare, table

        fits = compare(tokenizers, Corpus(documents, read, text))
        if as_json:
            print(orjson.dumps([fit.described() for fit in fits], option=orjson.OPT_INDENT_2).decode())
        else:
            for line in table(fits):
                say(line)


@tracing.command("trace")
def trace_sequence(
    output: Annotated[str, typer.Argument(help="The output of a run.", metavar="OUTPUT")],
    sequence: Annotated[int, typer.Argument(help="Which one, counted from 0.", metavar="SEQUENCE")],
    split: Annotated[str, typer.Option("--split", help="Of the token shards.")] = "train",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the whole text.")] = False,
) -> None:
    """Where a sequence comes from: its documents, and the file and offset that each was read at."""
    with complaining(again=""):
        from curator.tokens.trace import lines, trace

        traced = trace(output.rstrip("/"), sequence, split)
        if as_json:
            print(orjson.dumps(traced, option=orjson.OPT_INDENT_2).decode())
        else:
            for line in lines(traced):
                say(line)
