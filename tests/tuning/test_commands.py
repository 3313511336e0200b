"""The commands: what they print, that nothing of a corpus steers the terminal, and slips as one sentence."""

from __future__ import annotations

import io
import json
import re
import shutil

import pytest
from rich.console import Console
from typer.testing import CliRunner

from curator.cli import app
from curator.cli import tuning as commands
from curator.pipeline.finished import read_run
from curator.tuning import stored
from curator.tuning.inspecting import inspect
from curator.tuning.show_inspect import show_inspected

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def curator(*arguments: str, given: str | None = None):
    return CliRunner().invoke(app, list(arguments), input=given)


def test_retune_says_what_the_filter_does(output):
    said = curator("retune", output, "--filter", "mine", "--change", "chars={min: 30}", "--sweep", "chars", "--nearest", "1")
    assert said.exit_code == 0, said.output
    for words in (
        "12 documents, 5 passed (41.67%)",
        "was at least 12",
        "◀ present",
        "Overlap",
        "only a run can tell",
        "never measured",
    ):
        assert words in said.output
    found = json.loads(curator("retune", output, "--filter", "mine", "--json").stdout)
    assert found["documents"] == 12
    assert found["now"]["mine.han_ratio"]["min"] == 0.3
    assert found["overlap"]["mine.language"]["mine.han_ratio"] == 1


def test_inspect_lists_reasons_and_marks_places(output):
    listed = curator("inspect", output)
    assert "mine.dup_line_ratio" in listed.output
    assert json.loads(curator("inspect", output, "--json").stdout)["length.chars"] == 1
    said = curator("inspect", output, "--reason", "mine.dup_line_ratio").output
    assert said.count("⟦重复的一行。⟧") == 3
    assert "mine.dup_line_ratio = 0.75" in said
    assert "marked: lines that stood before" in said
    cut = curator("inspect", output, "--reason", "mine.cut_line_ratio").output
    assert "✂⟦456⟧" in cut
    assert "✂: lines that the filter cut" in cut
    duplicate = curator("inspect", output, "--reason", "dedup_documents.duplicate").output
    assert "kept copy" in duplicate
    assert "1 document rejected for dedup_documents.duplicate\n" in duplicate
    assert "for length.chars; it lets pass what is at least 3" in curator("inspect", output, "--reason", "length.chars").output


def test_a_list_that_is_another_one_now_is_said(output, tmp_path, monkeypatch):
    unchanged = curator("inspect", output, "--reason", "mine.few_stops").output
    assert "marked: distinct words" in unchanged
    assert "has changed" not in unchanged
    monkeypatch.setattr(stored, "list_path", lambda name: str(tmp_path / "stop_words_zh.txt"))
    (tmp_path / "stop_words_zh.txt").write_text("别的\n")
    assert "the list stop_words_zh has changed since the run" in curator("inspect", output, "--reason", "mine.few_stops").output


def test_inspect_redacts_unless_it_is_told_not_to(output):
    said = curator("inspect", output, "--reason", "mine.han_ratio").output
    assert "<EMAIL>" in said
    assert "li.si" not in said
    assert "li.si@example.com" in curator("inspect", output, "--reason", "mine.han_ratio", "--raw").output.replace("⟦", "")
    found = json.loads(curator("inspect", output, "--reason", "mine.han_ratio", "--json").stdout)
    (text,) = [d["text"] for d in found["documents"] if d["title"] == "hostile"]
    assert "<EMAIL>" in text
    assert "\x1b]0;mine" in text, "programs get the characters that are there"
    (shown,) = [d for d in found["documents"] if d["title"] == "only han"]
    assert shown["marks"] == [{"start": 0, "end": len(shown["text"]), "kind": "place"}]


def test_nothing_of_a_corpus_steers_the_terminal(output, folder, tmp_path):
    (tmp_path / "hostile.txt").write_text("\x1b[31m123\x9b\u202e\n中文的句子\x07")
    for raw in ("--raw", "--redact"):
        for arguments in (
            ("inspect", output, "--reason", "mine.han_ratio", "--chars", "0", raw),
            ("inspect", output, "--reason", "mine.han_ratio", "--json", raw),
            ("retune", output, "--filter", "mine", "--sweep", "han_ratio", "--nearest", "9", raw),
            ("score", str(tmp_path / "hostile.txt"), "--filter", str(folder / "mine.yaml"), raw),
            ("score", str(tmp_path / "hostile.txt"), "--filter", str(folder / "mine.yaml"), "--json", raw),
            ("inspect", output, "--reason", "\x1b[31m"),
        ):
            said = curator(*arguments)
            assert said.exit_code in (0, 2)
            assert len(said.output) > 50
            assert not CONTROLS.search(said.output), arguments


def test_in_a_terminal_places_have_a_colour(output):
    held = io.StringIO()
    console = Console(file=held, force_terminal=True, color_system="standard", width=80)
    show_inspected(console, inspect(read_run(output), "mine.han_ratio"), raw=False, most=0)
    assert "\x1b[30;43m恶意\x1b[0m" in held.getvalue()
    assert "\\x1b]0;mine" in held.getvalue(), "its own sequences are written out"
    assert "⟦" not in held.getvalue()


def test_more_than_a_screen_of_a_terminal_goes_through_a_pager(output, monkeypatch):
    paged: list[str] = []
    monkeypatch.setattr(commands.pydoc, "pager", paged.append)
    for height, times in ((1000, 0), (5, 1)):
        monkeypatch.setattr(commands, "console", Console(force_terminal=True, width=80, height=height))
        assert curator("inspect", output, "--reason", "mine.han_ratio").exit_code == 0
        assert len(paged) == times


def test_score_shows_the_rule_that_decides(folder):
    said = curator("score", "-", "--filter", str(folder / "mine.yaml"), given="English only, and nothing else.\n123456\n")
    assert "mine: rejected: mine.han_ratio" in said.output
    assert re.search(r"✗◀ +han_ratio +0 +at least 0.3", said.output)
    assert re.search(r"· +language +not measured here", said.output)
    assert "1 of 2 lines are cut" in said.output
    assert curator("score", "-", "--all", given="中文").output.count("_ratio") > 30
    found = json.loads(curator("score", "-", "--filter", "zh_web", "--all", "--json", given="中文").stdout)
    assert found["filters"][0]["rules"][0].keys() >= {"rule", "value", "passes"}
    assert found["metrics"]["han_ratio"] == 1


def test_a_filter_of_rules_on_lines_alone_has_no_table_of_rules(tmp_path):
    (tmp_path / "lines.yaml").write_text("lines:\n  chars: {min: 5}\n")
    said = curator("score", "-", "--filter", str(tmp_path / "lines.yaml"), given="A line of a text.\nabc\n").output
    assert "lines: kept" in said
    assert "1 of 2 lines are cut" in said
    assert "what it measures" not in said


def test_metrics_are_looked_up_by_name_or_part():
    assert "newlines / tokens" in curator("metrics").output
    whole = curator("metrics", "stop_word_ratio").output
    assert "list: stop_words_en if none is given" in whole
    assert "zh_web" in whole
    (found,) = json.loads(curator("metrics", "short_line_ratio", "--json").stdout)
    assert found["parameters"]["chars"] == 30
    assert found["used"]["en_web"] == ["short_line_ratio: {max: 0.75, chars: 30}"]
    assert {entry["kind"] for entry in json.loads(curator("metrics", "bullet", "--json").stdout)} == {"ratio"}
    assert "must be given" in curator("metrics", "listed_domains").output
    (found,) = json.loads(curator("metrics", "function_ratio", "--json").stdout)
    assert found["name"] == "phrases_per_word", "a rule is found by its own name too"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"sources": []}'])
@pytest.mark.parametrize("arguments", [("inspect",), ("retune", "--filter", "mine"), ("report",)])
def test_a_summary_that_no_run_has_written_is_named(output, tmp_path, arguments, content):
    shutil.copytree(output, tmp_path / "out")
    (tmp_path / "out" / "summary.json").write_text(content)
    found = curator(*arguments, str(tmp_path / "out"))
    assert found.exit_code == 1, found.output
    assert found.output.startswith(f"curator: {tmp_path}/out/summary.json: this is no summary of a run: run the recipe again")
    assert found.output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("retune", "{out}", "--filter", "mime"), "the run has no filter 'mime'. Did you mean 'mine'?"),
        (("retune", "{out}"), "There are: mine, last"),
        (("retune", "{out}", "--filter", "mine", "--sweep", "han"), "no rule 'han'. There are:"),
        (("retune", "{out}", "--filter", "mine", "--sweep", "language"), "has no min or max to sweep: it passes what is in zh"),
        (("retune", "{out}", "--filter", "mine", "--nearest", "3"), "name the rule whose bound"),
        (("retune", "{out}", "--filter", "mine", "--change", "{{han_ratio: 3}}"), "han_ratio: write its bounds"),
        (("retune", "/nowhere", "--filter", "mine"), "there is no summary.json"),
        (("inspect", "{unfinished}"), "there is no summary.json"),
        (("inspect", "{empty}"), "there are no manifests"),
        (("inspect", "{out}", "--source", "wed"), "Did you mean 'web'?"),
        (("inspect", "{out}", "--kept"), "name a reason with --reason"),
        (("score", "/nowhere.txt", "--filter", "zh_web"), "there is no such file"),
        (("score", "{out}/summary.json"), "name a filter with --filter"),
        (("score", "{out}/summary.json", "--filter", "zh_wed"), "zh_web"),
        (("metrics", "han_ration"), "there is no metric 'han_ration'. Did you mean 'han_ratio'?"),
    ],
)  # fmt: skip
def test_slips_are_one_sentence(output, tmp_path, arguments, said):
    shutil.copytree(output, tmp_path / "unfinished")
    (tmp_path / "unfinished" / "summary.json").unlink()
    (tmp_path / "empty").mkdir()
    shutil.copy(f"{output}/summary.json", tmp_path / "empty" / "summary.json")
    places = {"out": output, "unfinished": tmp_path / "unfinished", "empty": tmp_path / "empty"}
    found = curator(*(a.format(**places) for a in arguments))
    assert found.exit_code in (1, 2), found.output  # what is named is not there, or the words are wrong
    assert said in found.output.replace("\n", " ")
    assert "Traceback" not in found.output
