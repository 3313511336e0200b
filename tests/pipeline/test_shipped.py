"""The recipes that curator ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curator import config

SHIPPED = sorted((Path(__file__).parents[2] / "pipelines").glob("*.yaml"))


def stages(recipe: Any, kind: str) -> list[Any]:
    return [stage for stage in recipe["stages"] if kind in stage]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_code_keeps_its_blank_lines_and_characters(path: Path) -> None:
    recipe = config.load(str(path))
    code = {name for name, source in recipe["sources"].items() if source["read"] == "code"}
    changing = stages(recipe, "normalize")
    assert changing
    for stage in changing:
        assert not code & set(stage.get("only", recipe["sources"]))
