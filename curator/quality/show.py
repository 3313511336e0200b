"""What `curator quality train` and `show` print: a model's manifest, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LAYOUT_TELLS = 0.9  # an AUC of length and newlines alone from which the classes may be told without reading them


def lines(manifest: Mapping[str, Any]) -> Iterator[str]:
    held_out = manifest["held_out"]
    yield f"{manifest['model']['bytes']:,} bytes, sha256 {manifest['model']['sha256']}"
    yield f"AUC on held-out documents, both classes cut to one length: {held_out['auc']}"
    yield f"  as they are: {held_out['auc_as_they_are']}"
    yield f"  of length and newlines alone: {held_out['auc_of_length_and_newlines_alone']}"
    yield from _warning(held_out)
    for name, label in (("positive", "good"), ("negative", "other")):
        for source, figure in held_out["auc_by_source"][name].items():
            without = manifest["left_out"].get(name, {}).get(source, {}).get("auc")
            yield f"  {label} {source}: {figure}" + ("" if without is None else f"; by a model trained without it: {without}")
    for language, row in held_out["by_language"].items():
        which = "whose language is not known" if language == "unknown" else f"in {language}"
        scores = f"mean score {row['mean_score']}, from .5 up {row['above_half']}"
        yield f"  good documents {which}: {row['documents']}, {scores}"
    yield f"calibration error {held_out['reliability']['expected_calibration_error']}, Brier {held_out['reliability']['brier']}"
    for name, features in manifest["features"].items():
        yield f"{name}: {'  '.join(feature['text'] for feature in features)}"


def _warning(held_out: Mapping[str, Any]) -> Iterator[str]:
    layout = held_out["auc_of_length_and_newlines_alone"]
    if layout is not None and layout >= LAYOUT_TELLS:
        yield (
            f"warning: length and newlines alone tell these classes apart ({layout}): `as they are` shows nothing. Cut to one "
            "length, texts give the fairer figure; but what is laid out differently is often about other things too. Take both "
            "classes from pages of one kind, and look at documents near .5 before you reject by this model"
        )
