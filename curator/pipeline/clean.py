"""`curator clean`: intermediate files that nothing needs again: stale ones, half-written ones, and those of finished work."""

from __future__ import annotations

from collections.abc import Collection

from curator import storage
from curator.engine.lease import Lease
from curator.engine.manifest import Manifest
from curator.pipeline.plan import whole_dataset_stages
from curator.pipeline.publish import referred
from curator.pipeline.recipe import Recipe
from curator.pipeline.run import marks_on_disk


def clean(recipe: Recipe, dry: bool = False) -> tuple[int, int]:
    """Remove what nothing needs again below `work/`, and what killed processes left half-written; returns files and bytes.

    A finished run does nothing anew after it, and one that is deduplicated `against` it finds what it needs: that lies in
    `signatures/`. Of a run that has not finished, what its stages have made for the recipe is kept.
    """
    if not storage.exists(recipe.output):
        return 0, 0
    with Lease(recipe.output):
        manifests = [
            m for p in storage.listing(storage.join(recipe.output, "manifests")) if "/pass" in p and (m := Manifest.read(p))
        ]
        specs = whole_dataset_stages(recipe)
        stages = {spec.placed.name for spec in specs}
        marks = {path for spec in specs if (found := marks_on_disk(recipe, spec)) for path in found.paths.values()}
        finished = storage.exists(storage.join(recipe.output, "summary.json"))
        wanted = referred(recipe, manifests) | marks
        removed = size = 0
        for path in storage.listing(recipe.output):
            if _needless(path.removeprefix(recipe.output).lstrip("/"), wanted, stages, finished):
                size += storage.size(path)
                removed += 1
                if not dry:
                    storage.remove(path)
        return removed, size


def _needless(below: str, wanted: Collection[str], stages: Collection[str], finished: bool) -> bool:
    match below.split("/"):
        case ["work", "attempts", *_] | ["probe", *_]:
            return True
        case _ if storage.HALF_WRITTEN.search(below):
            return True
        case ["work", folder, *_] if folder.startswith("pass"):
            return below not in wanted
        case ["work", stage, *inside]:  # files at the top of a stage's folder are its summary and what it publishes
            return stage not in stages or (finished and len(inside) > 1 and below not in wanted)
    return False
