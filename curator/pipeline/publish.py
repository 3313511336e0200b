"""The last act of a run: the output holds what the manifests say and nothing else, and the summary is written. And the first:
nothing that somebody else has put there may be lost by that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from curator import __version__, storage
from curator.documents import Split
from curator.engine.digest import tokens_digest
from curator.engine.manifest import Ledger, Manifest, add_digests
from curator.errors import UserError
from curator.pipeline.plan import manifest_path, whole_dataset_stages
from curator.pipeline.recipe import Recipe
from curator.selection import SELECTION
from curator.selection.uneven import uneven
from curator.tokens.build import remove_tokens

# The folders of which a run removes what its manifests do not name, and how it calls its own files in each.
PUBLISHED = {
    "documents": r"[^/]+-[0-9a-f]{10}\.parquet",
    "rejected": r"[^/]+-pass\d+-[0-9a-f]{10}\.parquet",
    "manifests": r"(?:pass\d+/)?[^/]+\.json",
    "signatures": r"[^/]+/(?:manifest\.json|(?:documents|hashes)/[0-9a-f]{32}\.[a-z]+)",
    "cuts": r"[^/]+\.json",
}
_OURS = re.compile("|".join(rf"{folder}/{name}" for folder, name in PUBLISHED.items()))


class OutputTaken(UserError):
    """An output folder that holds what no run has made."""


def check_output(recipe: Recipe, splits: Mapping[str, Sequence[Split]]) -> None:
    """Before a run: raise ConfigError for a source that reads what the run itself writes, OutputTaken if publishing would
    remove what another recipe's run, or somebody by hand, has put there."""
    other = _finished_run(recipe.output)
    if other not in (None, recipe.name):
        raise OutputTaken(
            f"{recipe.output}: the finished run of another recipe is here, {other!r}, and this one, {recipe.name!r}, would "
            "replace it. Give this one another --output; or, to let it, remove summary.json there"
        )
    ours = tuple(storage.join(recipe.output, folder, "") for folder in (*PUBLISHED, "tokens", "artefacts", "work"))
    for name, found in splits.items():
        for path in (file.path for split in found for piece in split.pieces for file in piece.files):
            if path.startswith(ours):
                said = f"{name}: {path} lies where this run keeps its own files: give it another `output:`"
                raise recipe.sources[name].section.error(said, "from")
    for folder in PUBLISHED:
        for path in storage.listing(storage.join(recipe.output, folder)):
            below = path.removeprefix(recipe.output).lstrip("/")
            if not _OURS.fullmatch(storage.HALF_WRITTEN.sub("", below)):
                raise OutputTaken(
                    f"{path}: no run has made this, and a run removes from {folder}/ what is not its own. "
                    "Move it away, or give the run another --output"
                )


def _finished_run(output: str) -> str | None:
    try:
        return str(orjson.loads(storage.read_bytes(storage.join(output, "summary.json")))["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def publish(recipe: Recipe, manifests: Sequence[Manifest], kept: Sequence[str], summary: Mapping[str, Any]) -> None:
    """Remove what earlier runs have left in the published folders, then write `summary.json`. `kept`: files of signatures and
    cut points. Token shards of a recipe that had `tokenize:` go too: they are not of these documents; what they were made of,
    below `artefacts/`, stays."""
    wanted = referred(recipe, manifests) | {path.removeprefix(recipe.output).lstrip("/") for path in kept}
    for folder in PUBLISHED:
        for path in storage.listing(storage.join(recipe.output, folder)):
            if path.removeprefix(recipe.output).lstrip("/") not in wanted:
                storage.remove(path)
    if not recipe.tokenize:
        remove_tokens(recipe.output)
    write_summary(recipe.output, summary)


def write_summary(output: str, summary: Mapping[str, Any]) -> None:
    storage.write_bytes(storage.join(output, "summary.json"), orjson.dumps(summary, option=orjson.OPT_INDENT_2))


def referred(recipe: Recipe, manifests: Sequence[Manifest]) -> set[str]:
    """Paths, below the output, of every file that the manifests stand for, their own among them."""
    found = {f"manifests/{spec.placed.name}.json" for spec in whole_dataset_stages(recipe)}
    for manifest in manifests:
        found.add(manifest_path(manifest.number, manifest.key))
        found |= {w.path for w in (manifest.kept, manifest.rejected, manifest.signed) if w.rows}
    return found


def summarise(
    recipe: Recipe,
    manifests: Sequence[Manifest],
    finals: Sequence[Manifest],
    marks: Mapping[str, Mapping[str, Any]],
    tokens: Mapping[str, Any] | None,
    elapsed: Mapping[str, float],
) -> dict[str, Any]:
    """Counts by source, stage and reason; what was damaged; timings; digests."""
    selecting = {spec.placed.name for spec in recipe.stages if spec.kind in SELECTION}
    sources = {name: _of_source(name, manifests, finals) for name in recipe.sources}
    return {
        "name": recipe.name,
        "recipe": recipe.path,
        "curator": __version__,
        "stages": [spec.placed.name for spec in recipe.stages],
        "sources": sources,
        "uneven": uneven(sources),
        "damage": [place | {"source": m.source} for m in manifests for place in m.damage],
        "quarantined": sorted({document for m in manifests for document in m.quarantined}),
        "dedup": {name: dict(found) for name, found in marks.items() if name not in selecting},
        "selection": {name: dict(found) for name, found in marks.items() if name in selecting},
        "seconds": _seconds(manifests),
        "elapsed": dict(elapsed),  # wall time of the parts of this very run
        "tokens": tokens,
        "digests": {
            "documents": add_digests([m.kept.digest for m in finals]),
            "tokens": tokens_digest(recipe.output, _token_hashes(tokens or {})),
        },
    }


def _token_hashes(tokens: Mapping[str, Any]) -> dict[str, str]:
    shards = [shard for split in tokens.get("splits", {}).values() for shard in split["shards"]]
    return {part["file"]: part["sha256"] for shard in shards for part in (shard, shard["documents"])}


def _of_source(name: str, manifests: Sequence[Manifest], finals: Sequence[Manifest]) -> dict[str, Any]:
    """One source's funnel. Later passes read what earlier ones have kept, so what came in is counted in the first."""
    mine = [m for m in manifests if m.source == name]
    total, first = Ledger(), Ledger()
    for manifest in mine:
        total.add(manifest.ledger)
        if manifest.number == 0:
            first.add(manifest.ledger)
    kept = [m.ledger for m in finals if m.source == name]
    return {
        "bytes": sum(m.bytes_read for m in mine),
        "records": first.records,
        "skipped": first.skipped,
        "record_errors": first.record_errors,
        "documents": first.documents,
        "rejected": total.rejected,
        "errors": total.errors,
        "kept": sum(k.kept for k in kept),
        "chars_in": first.chars_in,
        "chars_added": total.chars_added,
        "chars_cut": total.chars_cut,
        "chars_rejected": total.chars_rejected,
        "tallies": total.tallies,
        "judged": total.judged,
        "turned_away": total.turned_away,
        "chars_kept": sum(k.chars_kept for k in kept),
    }


def _seconds(manifests: Sequence[Manifest]) -> dict[str, float]:
    """Worker seconds by stage, of the manifests in use (some may come from earlier runs)."""
    spent: dict[str, float] = {}
    for manifest in manifests:
        for stage, seconds in manifest.seconds.items():
            spent[stage] = round(spent.get(stage, 0.0) + seconds, 3)
    return dict(sorted(spent.items(), key=lambda s: -s[1]))
