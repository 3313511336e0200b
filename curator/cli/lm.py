"""`lm train`, `lm show`: n-gram language models."""

from __future__ import annotations

import warnings
from typing import Annotated, Literal

import orjson
import typer

from curator.cli.errors import complaining, say
from curator.cli.replacing import Replace, check_free
from curator.errors import Notice

commands = typer.Typer(help="N-gram language models, for the stage `perplexity`: train one, look at one.", no_args_is_help=True)


@commands.command("train")
def lm_train(
    documents: Annotated[
        list[str],
        typer.Argument(
            help="Runs' outputs, or globs of Parquet, JSON lines, text (a document a line), dumps.", metavar="PATTERN"
        ),
    ],
    to: Annotated[str, typer.Option("--to", help="The folder of the model.", metavar="FOLDER")],
    tokens: Annotated[
        Literal["words", "characters", "sentencepiece"],
        typer.Option("--tokens", help="What is counted; Chinese words are jieba's. sentencepiece: as CCNet."),
    ] = "words",
    sentencepiece: Annotated[
        str | None,
        typer.Option("--sentencepiece", help="The SentencePiece model, for the tokens of that name.", metavar="FILE"),
    ] = None,
    order: Annotated[int, typer.Option("--order", help="Words in the longest n-grams, from 2 to 6.")] = 5,
    prune: Annotated[
        str,
        typer.Option("--prune", help="Leave out n-grams up to this count, from bigrams up; the last goes on.", metavar="0,1,…"),
    ] = "0",
    language: Annotated[list[str] | None, typer.Option("--language", help="Only documents of this language.")] = None,
    read: Annotated[
        str | None, typer.Option("--read", help="The source that reads the files: wikipedia, books …", metavar="SOURCE")
    ] = None,
    text: Annotated[str, typer.Option("--text", help="The field that holds the text.", metavar="FIELD")] = "text",
    variants: Annotated[bool, typer.Option(help="Take Han characters that are variants (简 簡) for one.")] = True,
    estimator: Annotated[
        Literal["auto", "curator", "lmplz"], typer.Option("--estimator", help="auto: KenLM's, if it is on the PATH.")
    ] = "auto",
    memory: Annotated[str, typer.Option("--memory", help="What counting may hold; the rest lies in TMPDIR.")] = "1GiB",
    arpa: Annotated[bool, typer.Option("--arpa", help="Write the model as text too.")] = False,
    replace: Replace = False,
) -> None:
    """Train an n-gram model with modified Kneser-Ney smoothing: model.bin in KenLM's format, manifest.json."""
    with complaining(again=""):
        from curator.lm.artefact import MANIFEST
        from curator.lm.train import Training, amount, thresholds, train
        from curator.pipeline.corpus import Corpus
        from curator.pipeline.languages import meant
        from curator.stages.labels import known_codes

        for code in sorted(set(language or ()) - known_codes()):  # a model of one's own may have labelled the documents with it
            warnings.warn(f"--language {code}: no usual code of a language{meant(code, known_codes())}", Notice, stacklevel=1)
        check_free(to, MANIFEST, replace)
        corpus = Corpus(documents, read, text)
        training = Training(
            tokens=tokens,
            order=order,
            prune=thresholds(prune),
            languages=tuple(language or ()),
            variants=variants,
            sentencepiece=sentencepiece,
            estimator=estimator,
            memory=amount(memory),
            arpa=arpa,
        )
        made = train(corpus, to, training, lambda: {"records": dict(corpus.counts), "files": corpus.described()})
        say(f"{made.documents:,} documents, {made.words:,} words, n-grams {' '.join(f'{n:,}' for n in made.ngrams)}")


@commands.command("show")
def lm_show(folder: Annotated[str, typer.Argument(help="The folder of a model.", metavar="FOLDER")]) -> None:
    """Check a model, and print its manifest."""
    with complaining(again=""):
        from curator.lm.artefact import open_model, read_manifest

        open_model(folder)
        print(orjson.dumps(orjson.loads(read_manifest(folder).to_json()), option=orjson.OPT_INDENT_2).decode())
