"""`curator clean`: intermediate files that nothing needs again: stale ones, half-written ones, and those of finished work."""

from __future__ import annotations

import json
from collections.abc import Collection

from curator import storage
from curator.engine.lease import Lease
from curator.engine.manifest import Manifest
from curator.pipeline.plan import whole_dataset_stages
from curator.pipeline.publish import referred
from curator.pipeline.recipe import Recipe


def clean(recipe: Recipe, dry: bool = False) -> tuple[int, int]:
    """Remove what nothing needs again below `work/`, and what killed processes left half-written; returns files and bytes.

    A finished run does nothing anew after it, and one that is deduplicated `against` it finds what it needs: that lies in
    `signatures/`. Of a run that has not finished, what its stages have made for the recipe is kept.
    """
    with Lease(recipe.output):
        manifests = [
            m for p in storage.listing(storage.join(recipe.output, "manifests")) if "/pass" in p and (m := Manifest.read(p))
        ]
        stages = {spec.placed.name for spec in whole_dataset_stages(recipe)}
        finished = storage.exists(storage.join(recipe.output, "summary.json"))
        wanted = referred(recipe, manifests) | _marks(recipe.output, stages)
        removed = size = 0
        for path in storage.listing(recipe.output):
            if _needless(path.removeprefix(recipe.output).lstrip("/"), wanted, stages, finished):
                size += storage.size(path)
                removed += 1
                if not dry:
                    storage.remove(path)
        return removed, size


def _marks(output: str, stages: Collection[str]) -> set[str]:
    """Paths, below the output, of the marks that whole-dataset stages have left."""
    manifests = [storage.join(output, "manifests", f"{stage}.json") for stage in stages]
    return {
        path for each in manifests if storage.exists(each) for path in json.loads(storage.read_bytes(each))["paths"].values()
    }


def _needless(below: str, wanted: Collection[str], stages: Collection[str], finished: bool) -> bool:
    match below.split("/"):
        case ["work", "attempts", *_] | ["probe", *_]:
            return True
        case _ if below.endswith(".part"):
            return True
        case ["work", folder, *_] if folder.startswith("pass"):
            return below not in wanted
        case ["work", stage, *inside]:  # files at the top of a stage's folder are its summary and what it publishes
            return stage not in stages or (finished and len(inside) > 1 and below not in wanted)
    return False
