"""`curator clean`: intermediate files that no manifest in use refers to."""

from __future__ import annotations

from curator import storage
from curator.engine.lease import Lease
from curator.engine.manifest import Manifest
from curator.pipeline.publish import referred
from curator.pipeline.recipe import Recipe


def clean(recipe: Recipe, dry: bool = False) -> tuple[int, int]:
    """Remove stale files below `work/`, and what killed processes left half-written; returns files and bytes."""
    with Lease(recipe.output):
        manifests = [
            m for p in storage.listing(storage.join(recipe.output, "manifests")) if "/pass" in p and (m := Manifest.read(p))
        ]
        wanted = referred(recipe, manifests)
        removed = size = 0
        for path in storage.listing(recipe.output):
            below = path.removeprefix(recipe.output).lstrip("/")
            stale = below.startswith("work/pass") and below not in wanted
            if stale or below.endswith(".part") or below.startswith(("work/attempts/", "probe/")):
                size += storage.size(path)
                removed += 1
                if not dry:
                    storage.remove(path)
        return removed, size
