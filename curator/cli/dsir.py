"""`quality dsir`: the table of importance weights, fitted on a target set and on raw text."""

from __future__ import annotations

from typing import Annotated

import typer

from curator.cli.errors import complaining, say
from curator.cli.replacing import Replace, check_free


def dsir(
    target: Annotated[
        list[str], typer.Option("--target", help="Documents to be like: runs' outputs, or globs of files.", metavar="DOCUMENTS")
    ],
    raw: Annotated[
        list[str], typer.Option("--raw", help="Documents to choose among, or an even sample of them.", metavar="DOCUMENTS")
    ],
    to: Annotated[str, typer.Option("--to", help="Write the table here.", metavar="FOLDER")],
    buckets: Annotated[int, typer.Option("--buckets", help="Hash uni- and bigrams into so many.")] = 10_000,
    read: Annotated[
        str | None, typer.Option("--read", help="A source that reads raw dumps: wikipedia, books …", metavar="SOURCE")
    ] = None,
    text: Annotated[str, typer.Option("--text", help="The field of JSONL and Parquet that holds the text.")] = "text",
    replace: Replace = False,
) -> None:
    """Fit importance weights towards a target set (DSIR), for the stage `dsir`.

    One document in ten of each set, 2,000 at most, is held out; how often one of the target then weighs more than a raw one is
    told, and recorded in the manifest.
    """
    with complaining(again=""):
        from curator.pipeline.corpus import Corpus
        from curator.stages.dsir_table import MANIFEST, fit, save

        check_free(to, MANIFEST, replace)
        wanted, found = Corpus(target, read, text), Corpus(raw, read, text)
        described = {"files": {"target": wanted.described(), "raw": found.described()}}
        table = fit(wanted, found, buckets=buckets, told=described)
        save(table, to.rstrip("/"))
        for name in ("target", "raw"):
            counted = table.manifest[name]
            documents, features, held_out = (counted[key] for key in ("documents", "features", "held_out"))
            say(f"{name}: {documents:,} documents, {features:,} features; {held_out:,} documents held out")
        auc = table.manifest["held_out_auc"]
        say(f"held out: AUC {auc:.4f} by weight a feature" if auc is not None else "held out: too few documents for an AUC")
        say(f"{to}: a table of {buckets:,} buckets")
