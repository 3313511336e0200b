"""What is printed of a model: that layout alone tells its classes apart is said in so many words."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from curator.cli import app
from curator.quality.show import lines
from curator.quality.training import train


def test_a_model_of_classes_that_differ_in_layout_is_warned_of(model, invented, tmp_path):
    found = json.loads((model / "manifest.json").read_bytes())
    assert not any("warning" in line for line in lines(found))
    broken = [
        invented.batch("crawl", ["\n".join(text) for text in invented.texts(invented.POOR, 250, 3)]),
    ]
    made = train(invented.good(), broken, str(tmp_path / "layout"), invented.SMALL)
    assert made["held_out"]["auc_of_length_and_newlines_alone"] > 0.95
    (warning,) = [
        line for line in lines(made) if line.startswith("warning: length and newlines alone tell these classes apart")
    ]
    assert "look at documents near .5" in warning
    said = CliRunner().invoke(app, ["quality", "show", str(tmp_path / "layout")]).output
    assert "warning: length and newlines alone" in said


def test_documents_without_a_language_are_said_to_have_none(model):
    found = json.loads((model / "manifest.json").read_bytes())
    found["held_out"]["by_language"] = {"unknown": {"documents": 7, "mean_score": 0.9, "above_half": 1.0}, "zh": {}}
    found["held_out"]["by_language"]["zh"] = {"documents": 9, "mean_score": 0.8, "above_half": 0.9}
    said = list(lines(found))
    assert "  good documents whose language is not known: 7, mean score 0.9, from .5 up 1.0" in said
    assert "  good documents in zh: 9, mean score 0.8, from .5 up 0.9" in said
