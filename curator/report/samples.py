"""The page's part with documents to look at: a filter is judged by what it throws away."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from curator.pipeline.finished import Run, bounds
from curator.report.markup import Html, element, excerpt, fold, many, paragraph
from curator.report.rows import Sample

TEXT_SHOWN = 600  # characters
FIELD_SHOWN = 200


def samples(run: Run, kept: Mapping[str, Sequence[Sample]], rejected: Mapping[str, Sequence[Sample]], most: int) -> list[Html]:
    """Up to `most` documents for each reason, then for each source."""
    parts = [
        paragraph(
            "Private data is replaced, texts are cut, and hidden characters are shown by their code points. Of documents that "
            "a bound rejected: the nearest to it, a middling one and the furthest from it; of duplicates: out of a small, a "
            "middling and a large cluster."
        ),
        element("h3", "Rejected"),
    ]
    for reason in run.reasons:
        rule = run.rules.get(reason)
        said = many(run.total(reason), "document") + (f"; passes: {bounds(rule)}" if rule else "")
        parts.append(_folded(reason, said, rejected.get(reason, ())[:most]))
    if not run.reasons:
        parts.append(paragraph("Nothing was rejected."))
    parts.append(element("h3", "Kept"))
    parts += [
        _folded(source, many(found["kept"], "document"), kept.get(source, ())[:most]) for source, found in run.sources.items()
    ]
    return parts


def _folded(name: str, said: str, shown: Sequence[Sample]) -> Html:
    head = [element("code", name), " ", element("small", said)]
    return fold(head, [_sample(s) for s in shown] if shown else paragraph("No sample could be read."))


def _sample(sample: Sample) -> Html:
    found = sample.document
    origin = found.get("origin") or {}
    language = found.get("language") or ""
    why = [(name, _value(value)) for name, value in sample.values.items() if value is not None]
    place = f"{origin['file']} @ {origin['offset']}" if origin.get("file") else None
    facts = [("url", found.get("url")), ("source", found.get("source")), ("file", place), ("id", found.get("id"))]
    body = found.get("text")
    return element(
        "article",
        element("h4", excerpt(found.get("title") or "", FIELD_SHOWN) or "without a title", dir="auto"),
        element("p", [element("span", element("code", n), " = ", element("b", v)) for n, v in why], class_="why")
        if why
        else None,
        element("pre", excerpt(body, TEXT_SHOWN), dir="auto", lang=language if re.fullmatch("[a-z]{2,3}", language) else None)
        if body
        else element("p", "No text: it left before it had one, or none is kept of it.", class_="note"),
        element(
            "p", [element("span", f"{key}: {excerpt(value, FIELD_SHOWN)}") for key, value in facts if value], class_="origin"
        ),
    )


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else excerpt(str(value), FIELD_SHOWN)
