"""What a person should know before trusting a corpus: one sentence each, with the number that makes it a warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from curator.pipeline.finished import Run, number
from curator.report.markup import count, many, share

MOST_LOST = 0.5  # of a source, to deduplication or to one rule, before it is worth a warning
MOST_EPOCHS = 4.0  # Muennighoff et al. 2023, arXiv 2305.16264: up to four passes over the data are nearly as good as new data
LEAST_JUDGED = 20  # documents; a share of fewer says nothing


class Notice(NamedTuple):
    level: str  # bad: something was lost or failed; warn: look at it; good
    text: str


def notices(run: Run) -> list[Notice]:
    """The worst first. Never empty: a healthy run is told so."""
    found = sorted((*_losses(run), *_shares(run), *_tokens(run), *_training(run)), key=lambda n: n.level != "bad")
    return found or [
        Notice("good", "Nothing was damaged, nothing failed, and no source lost most of its documents at one place.")
    ]


def _losses(run: Run) -> Iterator[Notice]:
    files = {place.get("file") for place in run.summary.get("damage", ()) if place.get("file_damage")}
    if files:
        yield Notice("bad", f"{many(len(files), 'damaged file')}: what could not be read is lost (see “Damaged places”).")
    if quarantined := run.summary.get("quarantined"):
        killed = many(len(quarantined), "document")
        yield Notice(
            "bad", f"{killed} killed the process that worked on them, and were set aside: {', '.join(quarantined[:5])}"
        )
    if errors := run.sum("record_errors"):
        yield Notice("warn", f"{many(errors, 'record')} could not be read ({share(errors, run.sum('records'))} of all).")
    if errors := run.sum("errors"):
        yield Notice("warn", f"{many(errors, 'document')} made a stage fail ({share(errors, run.sum('documents'))} of all).")
    for name, found in run.sources.items():
        left = sum(found["rejected"].values()) + sum(found["errors"].values())
        if found["documents"] != found["kept"] + left:
            yield Notice(
                "bad",
                f"{name}: {count(found['documents'])} documents came in, {count(found['kept'] + left)} are accounted for.",
            )
        if not found["kept"]:
            yield Notice("bad", f"{name}: no document was kept.")


def _shares(run: Run) -> Iterator[Notice]:
    for each in run.summary.get("uneven", ()):
        yield Notice("warn", f"{each['said']}.")
    whole = {**run.summary.get("dedup", {}), **run.summary.get("selection", {})}
    for stage, found in whole.items():
        for line in found.get("warnings", ()):
            yield Notice("warn", f"{stage}: {line}.")
    for name, found in run.sources.items():
        for reason, lost in found["rejected"].items():
            whole_dataset = run.stage_of(reason, run.stages) in whole
            if lost > MOST_LOST * found["documents"] and found["documents"] >= LEAST_JUDGED and not whole_dataset:
                yield Notice("warn", f"{name} lost {share(lost, found['documents'])} of its documents to one rule, {reason}.")


def _tokens(run: Run) -> Iterator[Notice]:
    tokens = run.tokens or {}
    if tokens.get("drift"):
        yield Notice("warn", f"Tokenizer drift: {tokens['drift']}")
    if slow := tokens.get("tokenizer", {}).get("slow_because"):
        yield Notice("warn", f"The tokenizer runs in the slow encoder: {slow}")
    for shortage in tokens.get("shortages", ()):
        yield Notice("warn", f"Mixture: {shortage}")
    for part in tokens.get("parts", ()):
        if part["epochs"] > MOST_EPOCHS:
            yield Notice(
                "warn",
                f"{part['name']} is seen {part['epochs']:.1f} times over; beyond {MOST_EPOCHS:.0f} repetition stops helping.",
            )


def _training(run: Run) -> Iterator[Notice]:
    steps = run.events("train")
    if any(number(record.get("loss")) is None for record in steps):
        yield Notice("bad", "The training loss was not a number at times.")
    if spikes := run.events("spike"):
        yield Notice("warn", f"The training loss leapt {many(len(spikes), 'time')}; the batches before it were passed over.")
    ends = run.events("end")
    if steps and not (ends and ends[-1].get("finished")):
        planned = (run.events("start") or [{}])[-1].get("steps", "?")
        yield Notice("warn", f"Training is not finished: step {steps[-1]['step']} of {planned}.")
    losses = [loss for record in steps if (loss := number(record.get("loss"))) is not None]
    if len(losses) > 1 and losses[-1] >= losses[0]:
        yield Notice("bad", f"The training loss did not fall: {losses[0]:.3f} at first, {losses[-1]:.3f} in the end.")
