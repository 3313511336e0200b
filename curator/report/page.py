"""`report.html`: one file that shows a run, with nothing to load and no script, safe to open whatever the corpus holds.

The page forbids itself by policy to load or run anything, so that a slip in escaping would still be only text.
"""

from __future__ import annotations

import string
from pathlib import Path

from curator import storage
from curator.pipeline.finished import Run, read_run
from curator.report import corpus, model, training
from curator.report import rules as ruled
from curator.report.decontamination import decontamination
from curator.report.markup import Html, element, plain, text, together
from curator.report.rows import Rows, kept_samples, rejected_samples, sampled
from curator.report.samples import samples
from curator.report.selection import selection

TEMPLATE = Path(__file__).with_name("page.html")
MOST_BYTES = 2_000_000
SAMPLES = 3  # of each reason and each source
MOST_SAMPLES = 300

SECTIONS = {
    "headline": "",
    "funnel": "What came in and what stayed",
    "rules": "What the rules measured",
    "samples": "Documents to look at",
    "dedup": "Duplicates",
    "selection": "Cut points",
    "decontamination": "Evaluation sets",
    "languages": "Languages and scripts",
    "time": "Time",
    "tokens": "Tokens and mixture",
    "training": "Training",
    "damage": "Damaged places",
}


def write_report(output: str) -> str:
    """Write `<output>/report.html` from what the run has left there, and return its path. StorageError without a summary."""
    run = read_run(output)
    path = storage.join(output, "report.html")
    storage.write_bytes(path, page(run).encode())
    return path


def page(run: Run) -> str:
    """The page, with as many samples as fit into MOST_BYTES."""
    columns = ["language", "script", *ruled.columns(run)]
    kept, rejected = sampled(run, True, columns), sampled(run, False, [*columns, "reason"])
    most = max(1, min(SAMPLES, MOST_SAMPLES // max(1, len(run.reasons) + len(run.sources))))
    looked = kept_samples(run, most), rejected_samples(run, most)
    around = _around(run, kept, rejected)
    written = ""
    for number in range(most, -1, -1):
        written = _written(run, {**around, "samples": samples(run, *looked, number)})
        if len(written.encode()) <= MOST_BYTES:
            break
    return written


def _around(run: Run, kept: Rows, rejected: Rows) -> dict[str, list[Html]]:
    return {
        "headline": corpus.headline(run),
        "funnel": corpus.funnel(run),
        "rules": ruled.rules(run, kept, rejected),
        "dedup": corpus.dedup(run),
        "selection": selection(run),
        "decontamination": decontamination(run),
        "languages": corpus.languages(kept),
        "time": model.time(run),
        "tokens": model.tokens(run),
        "training": training.training(run),
        "damage": corpus.damage(run),
    }


def _written(run: Run, parts: dict[str, list[Html]]) -> str:
    links = [element("a", title, href=f"#{key}") for key, title in SECTIONS.items() if title]
    sections = [
        element("section", element("h2", title) if title else None, parts[key], id=key) for key, title in SECTIONS.items()
    ]
    name = str(run.summary.get("name", ""))
    template = string.Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        title=plain(f"{name} · curator report"), name=text(name), links=together(links), sections=together(sections)
    )
