"""What a run shows while it runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from curator.engine.executor import Inline
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.report.progress import Shown

SHOWS_THE_CURSOR = "\x1b[?25h"
HIDES_THE_CURSOR = "\x1b[?25l"


class Stopped(Inline):
    """The user's Ctrl-C, in the middle of a pass."""

    def map(self, *args, **kwargs):
        raise KeyboardInterrupt


def test_a_run_that_is_stopped_gives_the_terminal_back(tmp_path):
    (tmp_path / "web.jsonl").write_text('{"text": "one"}\n')
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"name: t\nsources: {{web: {{read: jsonl, from: {tmp_path}/web.jsonl}}}}\nstages: []\noutput: {tmp_path}/out\n"
    )
    told = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        run(load_recipe(str(path)), Stopped(), Shown(Console(file=told, force_terminal=True)))
    assert told.getvalue().rfind(HIDES_THE_CURSOR) < told.getvalue().rfind(SHOWS_THE_CURSOR)
