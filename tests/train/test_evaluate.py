from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from typer.testing import CliRunner

from curator.cli import app
from curator.tokens import bytelevel
from curator.tokens.shards import TokenShards
from curator.train import evaluate
from curator.train.config import TrainedRunError


def test_perplexity_is_the_mean_loss_of_every_token_by_source(trained: tuple[str, str]) -> None:
    run = evaluate.load(trained[0])
    found = evaluate.perplexity(run, "validation", micro_batch=3)
    shards = TokenShards(trained[1], "validation")
    sums: dict[str, list[float]] = {}
    for index in range(len(shards)):
        ids = torch.from_numpy(shards[index].astype(np.int64))
        with torch.no_grad():
            losses = F.cross_entropy(run.model(ids[None, :-1])[0], ids[1:], reduction="none")
        sums.setdefault(shards.sources[shards.source_of(index)], []).extend(losses.tolist())
    assert found["sources"].keys() == sums.keys() == {"web", "wiki"}
    for name, losses in sums.items():
        one = found["sources"][name]
        assert one["tokens"] == len(losses)
        assert one["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
        assert one["perplexity"] == pytest.approx(math.exp(np.mean(losses)), rel=1e-4)
    every = [loss for losses in sums.values() for loss in losses]
    assert found["all"]["loss"] == pytest.approx(np.mean(every), rel=1e-5)
    # every token of this vocabulary is one byte
    assert found["all"]["bits_per_byte"] == pytest.approx(found["all"]["loss"] / math.log(2), rel=1e-6)


def test_bytes_and_characters_of_ids(trained: tuple[str, str]) -> None:
    data = (Path(trained[1]) / "tokenizer.json").read_bytes()
    sizes = bytelevel.lengths(data, 257)
    assert sizes is not None
    words = Tokenizer.from_buffer(data)
    for text in ("plain", "中文，字", "é̈ 😀", ""):
        ids = words.encode(text).ids
        assert sizes[0][ids].sum() == len(text.encode())
        assert sizes[1][ids].sum() == len(text)
    assert (sizes[0][256], sizes[1][256]) == (0, 0)
    described = json.loads(data)
    described["model"]["vocab"]["中"] = 257
    assert bytelevel.lengths(json.dumps(described).encode(), 258) is None


def test_the_likeliest_option_is_chosen(trained: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "q.csv").write_text(",Question,A,B,C,D,Answer\n0,问,甲,乙乙,丙,丁,B\n1,二,a,b,c,d,A\n", encoding="utf-8")
    questions = evaluate.read_questions(str(tmp_path / "q.csv"))
    assert [(q.question, q.options, q.answer) for q in questions] == [
        ("问", ("甲", "乙乙", "丙", "丁"), 1),
        ("二", tuple("abcd"), 0),
    ]
    asked: list[tuple[str, str]] = []

    def likely(_: object, __: object, prompt: str, answer: str) -> float:
        asked.append((prompt, answer))
        return {"乙乙": -3.0, "甲": -2.0, "d": -0.5, "B": -0.1}.get(answer, -9.0)

    monkeypatch.setattr(evaluate, "_log_probability", likely)
    run = evaluate.load(trained[0])
    cloze = evaluate.choices(run, questions)
    assert (cloze["questions"], cloze["right"], cloze["chance"]) == (2, 1, 0.25)  # 乙乙: -1.5 a character
    assert cloze["low"] < 0.5 < cloze["high"]
    assert asked[1] == ("问题：问\n答案：", "乙乙")
    asked.clear()
    letters = evaluate.choices(run, questions[:1], form="letters")
    assert letters["right"] == 1
    assert asked[0] == ("问题：问\nA. 甲\nB. 乙乙\nC. 丙\nD. 丁\n答案：", "A")


def test_log_probabilities_are_the_models(trained: tuple[str, str]) -> None:
    run = evaluate.load(trained[0])
    words = Tokenizer.from_buffer(run.shards.tokenizer())
    found = evaluate._log_probability(run, words, "ab", "cd")
    ids = [256, *words.encode("abcd").ids]
    with torch.no_grad():
        told = F.log_softmax(run.model(torch.tensor([ids[:-1]]))[0], dim=-1)
    assert found == pytest.approx(float(told[2, ids[3]] + told[3, ids[4]]), abs=1e-5)
    long = evaluate._log_probability(run, words, "x" * 100, "y")  # the beginning is lost
    assert math.isfinite(long)


@pytest.mark.parametrize(
    "content", ["Question,A,B,Answer\n问,甲,乙,C\n", "Question,A,Answer\n问,甲,A\n", "Question,A,B,Answer\n,甲,乙,A\n"]
)
def test_a_question_that_is_none_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(content, encoding="utf-8")
    with pytest.raises(TrainedRunError, match=r"bad\.csv:2: needs question"):
        evaluate.read_questions(str(tmp_path / "bad.csv"))


def test_an_option_that_is_left_out_is_no_shift_of_those_behind_it(tmp_path: Path) -> None:
    (tmp_path / "gap.csv").write_text("Question,A,B,C,D,Answer\nx,a,,c,d,C\n", encoding="utf-8")
    with pytest.raises(TrainedRunError, match=r"gap\.csv:2: needs"):
        evaluate.read_questions(str(tmp_path / "gap.csv"))
    (tmp_path / "gap.csv").write_text("Question,A,B,C,D,Answer\nx,a,b,,d,B\n", encoding="utf-8")
    with pytest.raises(TrainedRunError, match=r"gap\.csv:2: has no option C"):
        evaluate.read_questions(str(tmp_path / "gap.csv"))


@pytest.mark.parametrize("content", ["Question,A,B,Answer\n问,甲,乙,A\n".encode("gbk"), b"Question,A,B\n" + b"x" * (1 << 18)])
def test_a_file_that_is_no_csv_of_ours_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_bytes(content)
    with pytest.raises(TrainedRunError, match=r"other\.csv"):
        evaluate.read_questions(str(tmp_path / "other.csv"))


def test_the_command(trained: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("Question,A,B,Answer\nx,a,b,A\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["eval", trained[0], "--questions", str(tmp_path / "q.csv"), "--language", "en"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["step"] == 12
    assert found["questions"]["q.csv"]["questions"] == 1
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "q.csv").write_text("Question,A,B,Answer\ny,a,b,A\nz,a,b,B\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["eval", trained[0], "--questions", f"{tmp_path}/**/*.csv"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["questions"]["all"]["questions"] == 3  # two files of one name are two files
    missing = CliRunner().invoke(app, ["eval", trained[0], "--step", "77"])
    assert missing.exit_code == 1
    assert "no whole checkpoint" in missing.stderr


@pytest.mark.data
def test_cmmlu_files_are_read() -> None:
    data = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
    assert data.is_dir(), f"no data at {data}: set CURATOR_DATA to the folder that MANIFEST.md describes"
    files = sorted((data / "bench/cmmlu").glob("**/*.csv"))
    assert len(files) > 10
    assert sum(len(evaluate.read_questions(str(path))) for path in files) > 100


def test_several_files_count_by_their_questions_and_nothing_right_is_no_less_than_nothing() -> None:
    one = {"questions": 5, "right": 0, "chance": 0.25}
    other = {"questions": 15, "right": 9, "chance": 0.5}
    found = evaluate.altogether([one, other])
    assert (found["questions"], found["right"], found["accuracy"]) == (20, 9, 0.45)
    assert found["chance"] == pytest.approx((5 * 0.25 + 15 * 0.5) / 20)
    assert 0.2 < found["low"] < 0.45 < found["high"] < 0.7
    assert evaluate.altogether([one])["low"] == 0
    assert evaluate.altogether([]) == {"questions": 0, "right": 0, "accuracy": 0, "low": 0, "high": 1, "chance": 0}
