"""The command line: what it says, where, and with which exit code."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from curator import __version__
from curator.cli import app
from curator.cli.errors import complaining
from curator.errors import Notice

TOYS = Path(__file__).parent / "toys.py"
RECIPE = """
name: toy
plugins: [{toys}]
sources:
  a: {{read: lines, from: {folder}/a.txt}}
stages:
  - length: {{min: 4}}
output: {folder}/out
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "a.txt").write_text("a line\nab\n#\n")
    (tmp_path / "toy.yaml").write_text(RECIPE.format(toys=TOYS, folder=tmp_path))
    return str(tmp_path / "toy.yaml")


def curator(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_help_names_every_command():
    said = curator("--help").output
    for command in ("run", "plan", "train", "digest", "report", "clean", "download", "score", "retune", "inspect", "metrics"):
        assert command in said
    assert curator("--version").output.strip() == __version__


def test_run_plan_digest_report_clean(recipe, tmp_path):
    planned = curator("plan", recipe)
    assert "pass 1: 1 shards, 0 done, 1 to run" in planned.output
    ran = curator("run", recipe, "--on", "inline")
    assert ran.exit_code == 0, ran.output
    assert "chars 1" in ran.output
    assert (tmp_path / "out" / "report.html").exists()
    assert "1 done, 0 to run" in curator("plan", recipe).output
    first = curator("digest", str(tmp_path / "out"))
    assert len(first.stdout.split()[0]) == 32
    assert curator("report", str(tmp_path / "out")).exit_code == 0
    changed = curator("plan", recipe, "--set", "stages.0.length.min=5")
    assert "1 x stages.length.options.min: 4 -> 5" in changed.output
    (tmp_path / "out" / "documents" / "a-0123456789.parquet.77-0123abcd.part").write_text("left by a killed process")
    assert "would remove 1 files" in curator("clean", recipe, "--dry").output
    assert "removed 1 files" in curator("clean", recipe).output
    assert curator("digest", str(tmp_path / "out")).stdout == first.stdout


def test_foreign_names_do_not_steer_the_terminal(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "\x1b]0;mine\x07\x1b[31m.txt").write_text("a line\n?\n")
    (tmp_path / "toy.yaml").write_text(RECIPE.format(toys=TOYS, folder=tmp_path).replace("/a.txt", "/in"))
    said = curator("run", str(tmp_path / "toy.yaml"), "--on", "inline").output
    assert "reader_failed" in said
    assert "\x1b" not in said


def test_equal_content_is_not_read_again_with_verify(recipe, tmp_path):
    curator("run", recipe, "--on", "inline", "--verify")
    path = tmp_path / "a.txt"
    path.write_text(path.read_text())
    assert "1 done, 0 to run" in curator("plan", recipe, "--verify").output
    assert "a.txt" in curator("plan", recipe).output, "by modification time it is another file"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "nowhere.yaml"), 1, "no pipeline 'nowhere.yaml'"),
        (("run", "{recipe}", "--set", "sources.b.from=x"), 2, "sources.b.from: no 'b'. There are: a"),
        (("plan", "{recipe}", "--set", "sources.a.from=/nowhere/*.txt"), 2, "toy.yaml:5: a: nothing matches '/nowhere/*.txt'"),
        (("run", "{recipe}", "--sample", "2"), 2, "must be a fraction"),
        (("run", "{recipe}", "--on", "inline", "--workers", "2"), 2, "is one process"),
        (("run", "{recipe}", "--on", "inline", "--output", "/proc/nowhere"), 1, "No such file"),
        (("digest", "/nowhere"), 1, "there is neither documents/ nor tokens/"),
        (("report", "/nowhere"), 1, "there is no summary.json"),
    ],
)  # fmt: skip
def test_slips_are_one_sentence_and_an_exit_code(recipe, arguments, code, said):
    found = curator(*(a.format(recipe=recipe) for a in arguments))
    assert found.exit_code == code
    assert said in found.output
    assert "Traceback" not in found.output


def test_a_notice_is_a_line_and_the_warnings_of_libraries_stay_warnings(capsys):
    with warnings.catch_warnings(record=True) as others, complaining():
        warnings.warn("[no] markup: going on without it", Notice, stacklevel=1)
        warnings.warn("of a library", RuntimeWarning, stacklevel=1)
    assert [str(other.message) for other in others] == ["of a library"]
    assert capsys.readouterr().err == "curator: [no] markup: going on without it\n"


def test_memory_that_is_short_is_one_sentence(capsys):
    with pytest.raises(typer.Exit), complaining():
        raise MemoryError("malloc of size 4096 failed")
    said = "curator: there is not enough memory (malloc of size 4096 failed): use fewer workers, or a larger machine\n"
    assert capsys.readouterr().err == said
