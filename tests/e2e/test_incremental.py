"""What a change costs: exactly the shards that depend on it run again, the reason is told, and the bytes are a fresh run's."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tokenizers
from typer.testing import CliRunner

from curator import storage
from curator.cli import app
from curator.engine.digest import output_digest
from curator.engine.executor import Inline
from curator.engine.lease import OutputInUse
from curator.pipeline.load import load_recipe
from curator.pipeline.run import plan, run
from curator.pipeline.watch import Watch

RECIPE = """\
name: incremental
sources:
  good: {{read: jsonl, from: {raw}/good}}
  rest: {{read: jsonl, from: {raw}/rest}}
{sources}
stages:
  - normalize: {{form: NFC}}
  - filter: {{preset: {raw}/mine.yaml}}
    only: [rest]
  - dedup_documents: {{shingle: 3, bands: 14, rows: 8, prefer: [good, "*"]}}
  - redact
tokenize: {{tokenizer: {raw}/tokenizer.json, eos: <eos>, sequence_length: 32}}
mixture: {{validation: 0.1}}
split_bytes: 1 MiB
output: {output}
"""
MINE = "document:\n  chars: {min: 30}\n  han_ratio: {min: 0.1}\n"
OTHERS = "work to the same end as before and nobody minds"
LETTER = "春江潮水连海平海上明月共潮生滟滟随波千万里何处春江无月明江流宛转绕芳甸月照花林皆似霰空里流霜不觉飞汀上白沙看不见"
PADDING = "x" * 300_000  # a file above a quarter of `split_bytes` is a split of its own


def text(seed: object, chars: int = 60) -> str:
    return "".join(random.Random(str(seed)).choices(LETTER, k=chars))


def write(path: Path, texts: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [{"text": each, "padding": ""} for each in texts]
    lines[0]["padding"] = PADDING
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


@dataclass
class Told(Watch):
    ran: list[tuple[int, str]] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)
    began: list[str] = field(default_factory=list)

    def pass_begins(self, number, passes, states):
        self.reasons |= {f"{number}: {reason}" for state in states for reason in state.reasons}

    def shard_done(self, manifest):
        self.ran.append((manifest.number, manifest.key.rsplit("-", 1)[0].removesuffix(".jsonl")))

    def begins(self, what):
        self.began.append(what)


class World:
    """Two sources of three files each, a recipe over them, and its output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw = folder / "raw"
        self.sources = ""
        for source in ("good", "rest"):
            for name in "abc":
                write(self.raw / source / f"{name}.jsonl", [text((source, name, i)) for i in range(40)])
        (self.raw / "mine.yaml").write_text(MINE)
        trained = tokenizers.Tokenizer(tokenizers.models.BPE())
        trained.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=300, special_tokens=["<eos>"], initial_alphabet=alphabet, show_progress=False
        )
        trained.train_from_iterator([text(i) for i in range(50)], trainer)
        trained.save(str(self.raw / "tokenizer.json"))

    def add(self, source: str, name: str, texts: list[str]) -> None:
        write(self.raw / source / f"{name}.jsonl", texts)

    def recipe(self, output: str = "out", change: tuple[str, ...] = (), **options):
        path = self.folder / "incremental.yaml"
        path.write_text(RECIPE.format(raw=self.raw, output=self.folder / "out", sources=self.sources))
        return load_recipe(str(path), changes=change, output=str(self.folder / output), **options)

    def go(self, output: str = "out", change: tuple[str, ...] = (), **options) -> Told:
        """Run; what was planned before must be what is done, and files of shards that are not redone must stay untouched."""
        told = Told()
        planned = plan(self.recipe(output, change, **options))[0]
        before = self.stamps(output)
        run(self.recipe(output, change, **options), Inline(), told)
        assert sorted(key for number, key in told.ran if number == 0) == sorted(
            state.leg.key.rsplit("-", 1)[0].removesuffix(".jsonl") for state in planned.states if not state.done
        )
        redone = {(f"pass{number}", key) for number, key in told.ran}
        after = self.stamps(output)
        for path, stamp in before.items():
            written_again = path in after and after[path] != stamp
            if written_again:
                assert (path.parent.name, path.name.rsplit("-", 1)[0].removesuffix(".jsonl")) in redone, path
        return told

    def stamps(self, output: str) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (self.folder / output / "manifests").glob("pass*/*.json")}

    def same_as_fresh(self, change: tuple[str, ...] = (), **options) -> None:
        grown = output_digest(str(self.folder / "out"))
        run(self.recipe("fresh", change, **options), Inline(), Watch())
        assert output_digest(str(self.folder / "fresh")) == grown
        for folder in ("documents", "rejected"):
            names = [{p.name for p in (self.folder / each / folder).glob("*")} for each in ("out", "fresh")]
            assert names[0] == names[1], "files of an earlier state are left"


ALL = {(number, f"{source}-{name}") for number in (0, 1) for source in ("good", "rest") for name in "abc"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    assert set(made.go().ran) == ALL
    return made


def test_nothing_changed(world: World) -> None:
    told = world.go()
    assert (told.ran, told.reasons, told.began) == ([], set(), ["tokens"])


def test_a_file_more(world: World) -> None:
    """The new one, and behind dedup the one shard that loses a document to it."""
    world.add("good", "d", [text("new"), text(("rest", "b", 7))])
    told = world.go()
    assert set(told.ran) == {(0, "good-d"), (1, "good-d"), (1, "rest-b")}
    assert "0: not done yet" in told.reasons
    assert any(reason.startswith("1: marks: ") for reason in told.reasons)
    assert {reason.split(":")[1].strip() for reason in told.reasons if reason.startswith("1: ")} == {"marks", "not done yet"}
    world.same_as_fresh()


def test_a_file_less(world: World) -> None:
    world.add("good", "d", [text("new"), text(("rest", "b", 7))])
    world.go()
    (world.raw / "good" / "d.jsonl").unlink()
    told = world.go()
    assert told.ran == [(1, "rest-b")], "the document that the file had displaced comes back"
    assert not list((world.folder / "out").glob("*/good-d*"))
    world.same_as_fresh()


def test_a_file_less_that_nobody_else_knew(world: World) -> None:
    (world.raw / "rest" / "c.jsonl").unlink()
    assert world.go().ran == []
    world.same_as_fresh()


def test_a_file_changed(world: World) -> None:
    world.add("rest", "a", [text(("rest", "a", i)) for i in range(39)])
    told = world.go()
    assert set(told.ran) == {(0, "rest-a"), (1, "rest-a")}
    (reason,) = [r for r in told.reasons if r.startswith("0: ")]
    assert reason.startswith("0: input.a.jsonl: ")
    assert " -> " in reason
    world.same_as_fresh()


def test_a_file_touched_is_read_again_and_no_more(world: World) -> None:
    os.utime(world.raw / "rest" / "a.jsonl")
    assert world.go().ran == [(0, "rest-a")], "its documents are the same, so what comes after is not redone"
    world.same_as_fresh()


def test_a_file_touched_is_not_read_again_with_verify(world: World) -> None:
    world.go(verify=True)
    os.utime(world.raw / "rest" / "a.jsonl")
    assert world.go(verify=True).ran == []


def test_a_threshold(world: World) -> None:
    """All of its source is filtered again; behind dedup only the shard whose documents it changes."""
    world.add("rest", "b", [text(("rest", "b", i), chars=35 if i == 3 else 60) for i in range(40)])
    world.go()
    (world.raw / "mine.yaml").write_text(MINE.replace("30", "40"))
    told = world.go()
    assert set(told.ran) == {(0, "rest-a"), (0, "rest-b"), (0, "rest-c"), (1, "rest-b")}
    assert {r for r in told.reasons if r.startswith("0: ")} == {"0: stages.mine.options.rules.mine.chars.min: 30.0 -> 40.0"}
    world.same_as_fresh()


def test_a_threshold_by_set(world: World) -> None:
    change = ("stages.1.filter.change={chars: {min: 61}}",)
    told = world.go(change=change)
    assert {key for number, key in told.ran if number == 0} == {"rest-a", "rest-b", "rest-c"}
    assert "0: stages.mine.options.rules.mine.chars.min: 30.0 -> 61.0" in told.reasons
    world.same_as_fresh(change)


def test_an_option_of_dedup(world: World) -> None:
    """Every document is signed again; marks that come out the same send nothing through the pass behind."""
    change = ("stages.2.dedup_documents.bands=10",)
    told = world.go(change=change)
    assert {key for key in told.ran if key[0] == 0} == {key for key in ALL if key[0] == 0}
    assert [key for key in told.ran if key[0] == 1] == []
    assert told.reasons == {"0: signs.options.bands: 14 -> 10"}
    world.same_as_fresh(change)


def test_a_stage_behind_dedup(world: World) -> None:
    change = ("stages.3={redact: {entities: [email]}}",)
    told = world.go(change=change)
    assert set(told.ran) == {key for key in ALL if key[0] == 1}
    assert all(r.startswith(("1: stages.redact.options.entities: ", "1: columns: ")) for r in told.reasons), told.reasons
    world.same_as_fresh(change)


def test_a_source_more(world: World) -> None:
    world.sources = f"  more: {{read: jsonl, from: {world.raw}/more}}"
    world.add("more", "m", [text("more"), text(("rest", "c", 0)), text(("good", "a", 5))])
    told = world.go()
    assert {key for key in told.ran if key[0] == 0} == {(0, "more-m")}
    assert {key for key in told.ran if key[0] == 1} <= {(1, "more-m"), (1, "rest-c"), (1, "good-a")}
    world.same_as_fresh()


def test_a_source_less_comes_back_cheaply_and_leaves_nothing(world: World) -> None:
    world.sources = f"  more: {{read: jsonl, from: {world.raw}/more}}"
    world.add("more", "m", [text("more")])
    world.go()
    world.sources = ""
    assert world.go().ran == []
    assert not list((world.folder / "out").glob("*/more-*"))
    world.same_as_fresh()


def test_an_output_that_moved(world: World) -> None:
    (world.folder / "out").rename(world.folder / "elsewhere")
    assert world.go("elsewhere").ran == []


@pytest.mark.parametrize(
    ("damage", "again"),
    [
        (lambda out: next((out / "documents").glob("rest-b*")).unlink(), {(1, "rest-b")}),
        (lambda out: next((out / "work" / "pass0").glob("rest-b*[!s].parquet")).unlink(), {(0, "rest-b")}),
        (lambda out: next((out / "manifests" / "pass0").glob("rest-b*")).write_text("{"), {(0, "rest-b")}),
        (lambda out: next((out / "manifests" / "pass1").glob("rest-b*")).unlink(), {(1, "rest-b")}),
        (lambda out: (out / "manifests" / "dedup_documents.json").unlink(), set()),
    ],
    ids=["documents", "work", "manifest damaged", "manifest gone", "marks gone"],
)
def test_what_is_lost_is_made_again(world: World, damage: Callable[[Path], None], again: set[tuple[int, str]]) -> None:
    before = output_digest(str(world.folder / "out"))
    damage(world.folder / "out")
    assert set(world.go().ran) == again
    assert output_digest(str(world.folder / "out")) == before


def test_the_command_tells_what_changed(world: World) -> None:
    world.recipe()
    changed = [str(world.folder / "incremental.yaml"), "--set", "stages.1.filter.change={chars: {min: 61}}"]
    for arguments in (["plan", *changed], ["run", *changed, "--on", "inline"]):
        said = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert said.exit_code == 0, said.output
        assert "stages.mine.options.rules.mine.chars.min: 30.0 -> 61.0" in said.output.replace("\n", "")
        assert re.search(r"6 shards, 3 done, 3 to run|3 shards to run, 3 done already", said.output)


# ------------------------------------------------------------------------------------------------ killed amid a change


@pytest.mark.parametrize(("age", "refused"), [(1, True), (1000, False)])
def test_the_lease_of_a_run_that_is_gone(world: World, age: float, refused: bool) -> None:
    """Its process number may long be another's; its last sign of life tells."""
    lease = {"host": socket.gethostname(), "pid": os.getppid(), "token": "x", "alive": time.time() - age}
    (world.folder / "out" / "lease.json").write_text(json.dumps(lease))
    if refused:
        with pytest.raises(OutputInUse, match=f"process {os.getppid()} on "):
            world.go()
    else:
        assert world.go().ran == []
        assert not (world.folder / "out" / "lease.json").exists()


class Killed(BaseException):
    """The process ends here."""


@contextlib.contextmanager
def killed_at(write: int) -> Iterator[list[int]]:
    """End the run at its n-th change of a file: before a written file gets its name (even n) or right after (odd n), or before
    a file is removed (any n). Yields the count of changes so far."""
    changes = [0]
    replace, remove = os.replace, storage.remove

    def counted_replace(partial, path):
        changes[0] += 1
        if changes[0] == write:
            shutil.copy(partial, f"{path}.77-0123abcd.part")  # a killed process leaves it there
            if write % 2:
                replace(partial, path)
            raise Killed
        replace(partial, path)

    def counted_remove(path):
        changes[0] += 1
        if changes[0] == write:
            raise Killed
        remove(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", counted_replace)
        patch.setattr(storage, "remove", counted_remove)
        with contextlib.suppress(Killed):
            yield changes


def test_killed_at_every_file_that_a_change_writes(world: World) -> None:
    """From a finished output to that of a changed recipe over changed input: wherever it is killed, the next run finishes it,
    and one with the old recipe leads back."""
    before = output_digest(str(world.folder / "out"))
    shutil.copytree(world.raw, world.folder / "raw-before", copy_function=shutil.copy2)
    (world.folder / "out").rename(world.folder / "finished")
    change = ("stages.1.filter.change={chars: {min: 20}}", "stages.2.dedup_documents.bands=10")

    def changed_input() -> None:
        world.add("good", "d", [text("new"), text(("rest", "b", 7))])
        (world.raw / "rest" / "c.jsonl").unlink()

    def old_input() -> None:
        shutil.rmtree(world.raw)
        shutil.copytree(world.folder / "raw-before", world.raw, copy_function=shutil.copy2)

    changed_input()
    run(world.recipe("fresh", change), Inline(), Watch())
    after = output_digest(str(world.folder / "fresh"))
    assert after != before
    write, finished, most = 0, False, 0
    while not finished:
        write += 1 if write < 4 else 5
        shutil.rmtree(world.folder / "out", ignore_errors=True)
        shutil.copytree(world.folder / "finished", world.folder / "out")
        finished = True
        with killed_at(write) as changes:
            finished = False
            run(world.recipe("out", change), Inline(), Watch())
            finished = True
        most = max(most, *changes)
        if write % 2:
            run(world.recipe("out", change), Inline(), Watch())
            assert output_digest(str(world.folder / "out")) == after, f"killed at change {write}"
        else:
            old_input()
            run(world.recipe("out"), Inline(), Watch())
            assert output_digest(str(world.folder / "out")) == before, f"killed at change {write}, then with the old recipe"
            changed_input()
        (world.folder / "out" / "lease.json").unlink(missing_ok=True)
    assert most > 40
