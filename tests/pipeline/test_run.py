"""A run of small recipes on the inline executor: nothing is lost, equal inputs are not done again, changes are named."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from curator.config import ConfigError
from curator.engine import quarantine
from curator.engine.digest import output_digest
from curator.engine.executor import Inline
from curator.engine.lease import Lease, OutputInUse
from curator.engine.passes import TooManyErrors
from curator.pipeline.load import RecipeErrors, load_recipe
from curator.pipeline.publish import OutputTaken
from curator.pipeline.run import plan, run
from curator.pipeline.watch import Watch
from curator.storage import StorageError

TOYS = Path(__file__).parents[1] / "toys.py"

RECIPE = """
name: toy
plugins: [{toys}]
sources:
  a: {{read: lines, from: {folder}/a}}
  b: {{read: lines, from: {folder}/b/*.txt}}
stages:
  - cut
  - tag
  - length: {{min: 3}}
    only: [a]
  - dedup_documents: {{shingle: 3, bands: 4, rows: 2, prefer: [b, "*"]}}
{more}
output: {folder}/out
"""


class Told(Watch):
    """Counts what runs."""

    def __init__(self) -> None:
        self.ran: list[tuple[int, str]] = []
        self.reasons: list[str] = []
        self.notes: list[str] = []

    def note(self, line):
        self.notes.append(line)

    def pass_begins(self, number, passes, states):
        self.reasons += [r for s in states for r in s.reasons]

    def shard_done(self, manifest):
        self.ran.append((manifest.number, manifest.key))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "one.txt").write_text("hello world, this is one\n# comment\nab\n!bad\n中文的句子在这里|尾巴\n|\n")
    (tmp_path / "a" / "two.txt").write_text("a text that stands twice\nanother line of text\n")
    (tmp_path / "b" / "three.txt").write_text("a text that stands twice\nx\n")
    return tmp_path


def recipe(folder: Path, more: str = "", change: tuple[str, ...] = (), **options):
    path = folder / "toy.yaml"
    path.write_text(RECIPE.format(toys=TOYS, folder=folder, more=more))
    return load_recipe(str(path), changes=change, **options)


def go(folder: Path, **options):
    told = Told()
    summary = run(recipe(folder, **options), Inline(), told)
    return summary, told


def table(folder: Path, name: str) -> list[dict]:
    files = sorted((folder / "out" / name).glob("*.parquet"))
    return [row for f in files for row in pl.read_parquet(f).to_dicts()]


def test_every_document_is_accounted_for(folder):
    summary, _ = go(folder)
    a, b = summary["sources"]["a"], summary["sources"]["b"]
    assert (a["records"], a["documents"], a["skipped"], a["record_errors"]) == (8, 6, {"comment": 1}, {"bad_line": 1})
    assert a["rejected"] == {"length.chars": 1, "cut.text": 1, "dedup_documents.duplicate": 1}
    assert (a["kept"], b["kept"]) == (3, 2)
    assert {r["text"] for r in table(folder, "documents")} == {
        "hello world, this is one", "中文的句子在这里", "another line of text", "a text that stands twice", "x",
    }  # fmt: skip
    rejected = {(r["source"], r["reason"]): r for r in table(folder, "rejected")}
    assert rejected["a", "dedup_documents.duplicate"]["text"] == "a text that stands twice", "b is preferred"
    assert rejected["a", "length.chars"]["length.chars"] == 2
    assert summary["damage"][0]["kind"] == "bad_line"
    assert json.loads((folder / "out" / "summary.json").read_text())["digests"] == summary["digests"]


def test_the_same_run_again_does_nothing(folder):
    first, _ = go(folder)
    second, told = go(folder)
    assert told.ran == []
    assert second["digests"] == first["digests"]
    assert output_digest(str(folder / "out"))["documents"] == first["digests"]["documents"]


@pytest.mark.parametrize("below", ["documents", "rejected"])
def test_a_file_that_was_damaged_is_told_and_made_anew(folder, below):
    first, _ = go(folder)
    path = min((folder / "out" / below).glob("*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    if below == "documents":
        with pytest.raises(StorageError, match=f"{path.name}: is damaged"):
            output_digest(str(folder / "out"))
    second, told = go(folder)
    assert second["digests"] == first["digests"]
    assert f"{below}/{path.name} is damaged" in told.reasons
    assert path.read_bytes() == whole


def test_a_source_that_lies_in_the_output_is_refused_not_removed(folder):
    raw = folder / "out" / "documents" / "raw.txt"
    raw.parent.mkdir(parents=True)
    raw.write_text("the only copy\n")
    for attempt in (plan, lambda it: run(it, Inline(), Watch())):
        with pytest.raises(ConfigError, match=r"toy.yaml:\d+: a: .*raw.txt lies where this run keeps its own files"):
            attempt(recipe(folder, change=(f"sources.a.from={raw.parent}",)))
    assert raw.read_text() == "the only copy\n"


def test_what_no_run_has_made_is_never_removed_from_an_output(folder):
    go(folder)
    theirs = folder / "out" / "rejected" / "notes" / "mine.txt"
    theirs.parent.mkdir()
    theirs.write_text("look at these")
    with pytest.raises(OutputTaken, match=r"mine\.txt: no run has made this"):
        go(folder)
    theirs.unlink()
    half = folder / "out" / "documents" / "a-one-0123456789.parquet.77-0123abcd.part"
    half.write_bytes(b"PAR1")
    go(folder)
    assert not half.exists(), "what a killed process has left goes"


def test_the_finished_run_of_another_recipe_is_not_replaced(folder):
    go(folder)
    before = output_digest(str(folder / "out"))
    for attempt in (plan, lambda it: run(it, Inline(), Watch())):
        with pytest.raises(OutputTaken, match="the finished run of another recipe is here, 'toy', and this one, 'other'"):
            attempt(recipe(folder, change=("name=other",)))
    assert output_digest(str(folder / "out")) == before
    (folder / "out" / "summary.json").unlink()
    go(folder, change=("name=other",))


def test_token_shards_of_a_recipe_that_makes_none_any_more_go(folder):
    _, told = go(folder, more="tokenize: {tokenizer: zh_en_4k, sequence_length: 8}\nmixture: {weights: {a: 1.0}}\n")
    assert "no part of the mixture takes b: no token of theirs is in the shards" in told.notes
    (folder / "out" / "tokens" / "mine.txt").write_text("a note")
    go(folder)
    assert [path.name for path in (folder / "out" / "tokens").iterdir()] == ["mine.txt"], "what is not the run's own stays"
    assert list((folder / "out" / "artefacts" / "tokenizer").rglob("tokenizer.json")), "the pinned tokenizer stays"


def test_an_output_without_a_name_is_not_the_working_directory(folder):
    with pytest.raises(ConfigError, match="output: name the folder"):
        recipe(folder, change=("output=''",))


def test_a_new_file_costs_its_own_shard(folder):
    go(folder)
    (folder / "b" / "four.txt").write_text("something quite different\n")
    _, told = go(folder)
    assert [number for number, _ in told.ran].count(0) == 1, told.ran
    assert any("input.four.txt: new" in r for r in told.reasons) or len([r for r in told.reasons if r == "not done yet"]) >= 1
    fresh(folder)


def test_a_removed_file_leaves_nothing(folder):
    go(folder)
    (folder / "b" / "three.txt").unlink()
    (folder / "b" / "five.txt").write_text("five\n")
    summary, _ = go(folder)
    assert summary["sources"]["a"]["rejected"].get("dedup_documents.duplicate", 0) == 0
    assert {r["source"] for r in table(folder, "documents") if "twice" in r["text"]} == {"a"}
    fresh(folder)


def fresh(folder: Path) -> None:
    """What lies in `out` is what a fresh run gives."""
    kept = output_digest(str(folder / "out"))
    run(recipe(folder, output=str(folder / "fresh")), Inline(), Watch())
    assert output_digest(str(folder / "fresh")) == kept


def test_a_changed_threshold_reruns_its_source_alone_and_says_so(folder):
    go(folder)
    summary, told = go(folder, change=("stages.2.length.min=20",))
    assert {key.split("-")[0] for number, key in told.ran if number == 0} == {"a"}
    assert "stages.length.options.min: 3 -> 20" in told.reasons
    assert summary["sources"]["a"]["rejected"]["length.chars"] == 2


def test_plan_says_what_run_would_do(folder):
    before = plan(recipe(folder))
    assert [bool(p.unknown) for p in before] == [False, True]
    go(folder)
    after = plan(recipe(folder))
    assert all(s.done for p in after for s in p.states)
    changed = plan(recipe(folder, change=("stages.2.length.min=20",)))
    assert {r for s in changed[0].states for r in s.reasons} == {"stages.length.options.min: 3 -> 20"}


def test_a_sample_is_the_same_documents_in_an_output_of_its_own(folder):
    summary, _ = go(folder, sample=0.5)
    assert Path(f"{folder}/out-sample-0.5/summary.json").exists()
    a = summary["sources"]["a"]
    assert a["documents"] + a["skipped"]["not_in_sample"] == 6


def test_a_bad_document_costs_itself(folder):
    path = folder / "a" / "one.txt"
    path.write_text(path.read_text() + "this one fails\n")
    summary, _ = go(folder, change=("stages.2.length.fail_on=fails",))
    assert summary["sources"]["a"]["errors"] == {"length:ValueError": 1}
    (row,) = [r for r in table(folder, "rejected") if r["reason"] == "length:ValueError"]
    assert row["text"] == "this one fails"
    assert "cannot measure" in row["detail"]


def test_too_many_errors_stop_the_run(folder):
    (folder / "a" / "bad.txt").write_text("".join(f"this one fails {i}\n" for i in range(50)))
    with pytest.raises(TooManyErrors, match=r"a: length:ValueError \(50\)"):
        go(folder, change=("stages.2.length.fail_on=fails",))
    assert not (folder / "out" / "summary.json").exists()


def test_an_attempt_that_ends_in_an_exception_is_not_taken_for_a_death(folder, monkeypatch):
    """Else a disk that was full three times would be searched for the document that kills the process."""

    def full(leg):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(quarantine, "run_leg", full)
    with pytest.raises(OSError, match="No space left"):
        go(folder)
    assert not list((folder / "out" / "work" / "attempts").iterdir())


def test_a_file_that_breaks_off_is_named_and_what_came_before_is_kept(folder):
    (folder / "a" / "broken.txt").write_text("a line before the damage\n?\nnever reached\n")
    summary, _ = go(folder)
    (place,) = [d for d in summary["damage"] if d["kind"] == "reader_failed"]
    assert place["file"].endswith("broken.txt")
    assert summary["sources"]["a"]["record_errors"]["reader_failed"] == 1
    assert "a line before the damage" in {r["text"] for r in table(folder, "documents")}


def test_a_source_that_is_lost_whole_stops_the_run(folder):
    (folder / "b" / "three.txt").write_text("?\n")
    with pytest.raises(TooManyErrors, match=r"b: not one document could be read\. .*three\.txt: reader_failed"):
        go(folder)


def test_a_sample_never_lands_in_the_output_of_the_whole(folder):
    assert recipe(folder, output=str(folder / "here"), sample=0.5).output == str(folder / "here-sample-0.5")


def test_rejected_text_may_be_kept_for_a_sample_only(folder):
    go(folder, change=("rejected_text=0",))
    assert all(r["text"] is None for r in table(folder, "rejected"))


def test_a_where_limits_rules_to_its_documents(folder):
    path = folder / "toy.yaml"
    text = RECIPE.format(toys=TOYS, folder=folder, more="").replace("only: [a]", "only: [a]\n    where: {language: zh}")
    path.write_text(text)
    summary = run(load_recipe(str(path)), Inline(), Watch())
    assert "length.chars" not in summary["sources"]["a"]["rejected"]
    rows = {r["text"]: r["length.chars"] for r in table(folder, "documents")}
    assert rows["中文的句子在这里"] == 8
    assert rows["another line of text"] is None


def test_a_second_writer_is_refused(folder):
    loaded = recipe(folder)
    lease = Lease(loaded.output)
    with lease:
        path = Path(lease.path)
        path.write_text(path.read_text().replace('"pid":', '"pid":1,"was":').replace(lease.token, "theirs"))
        with pytest.raises(OutputInUse, match="a run writes here already"):
            run(loaded, Inline(), Watch())


@pytest.mark.parametrize(
    ("more", "line", "message"),
    [
        ("  - lenght: {min: 3}", 13, "no stage 'lenght'. Did you mean 'length'?"),
        ("  - cut: {}\n    as: again\n    only: [c]", 15, "only: no source 'c'"),
        ("  - length: {mini: 3}\n    as: again", 13, "no option 'mini'. Did you mean 'min'?"),
        ("  - cut", 13, "two stages are called 'cut'"),
        ("  - cut: {}\n    as: again\n    where: {lenguage: zh}", 13, "'lenguage', which documents of 'a' and 'b' do not have"),
        ("stages: []", 13, "'stages' stands twice"),
        ("  - cut: {}\n    as: again\n    only: []", 15, "only: names no source"),
        ("nmae: x", 13, "no option 'nmae'. Did you mean 'name'?"),
    ],
)  # fmt: skip
def test_every_slip_stops_with_its_line_before_any_work(folder, more, line, message):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - ConfigError or several together
        recipe(folder, more=more)
    assert f"toy.yaml:{line}: " in str(caught.value)
    assert message in str(caught.value)
    assert not (folder / "out").exists()


def test_what_a_source_reads_by_is_one_name(folder):
    with pytest.raises(RecipeErrors, match=r"read: must be a string, not a list"):
        recipe(folder, change=("sources.a.read=[lines]",))


def test_all_slips_are_told_together(folder):
    with pytest.raises(RecipeErrors) as caught:
        recipe(folder, more="  - lenght\n  - cutt\n")
    assert len(caught.value.errors) == 2
