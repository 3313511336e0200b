"""`dsir`: weights against a slow obvious reference, real text told apart, and tables that are damaged or changed."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from curator.cli.quality import commands
from curator.metrics.hashes import SEED, mix
from curator.metrics.words import word_hash
from curator.stages.dsir import Dsir
from curator.stages.dsir_features import count_features, weigh_features
from curator.stages.dsir_table import DsirError, Table, fit, load, save

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered")  # of the kernels as plain Python

TARGET = ["今天天气很好", "The weather is fine today", "天气预报说明天有雨", "It will rain"] * 5
RAW = ["点击 购买 优惠", "BUY NOW, click here!", "加微信 领取", "free free free"] * 5


def batches(texts: Sequence[str | None], size: int = 3) -> list[pa.RecordBatch]:
    rows = [{"key": f"k{n}", "text": text} for n, text in enumerate(texts)]
    schema = pa.schema([("key", pa.string()), ("text", pa.string())])
    return [pa.RecordBatch.from_pylist(rows[at : at + size], schema=schema) for at in range(0, len(rows), size)]


def bucket(found: int, buckets: int) -> int:
    return ((found >> 32) * buckets) >> 32


def slow_features(words: list[str], buckets: int) -> list[int]:
    hashes = [word_hash(word) for word in words]
    pairs = [int(mix.py_func(np.uint64(SEED), np.uint64(a), np.uint64(b))) for a, b in pairwise(hashes)]
    return [bucket(found, buckets) for found in (*hashes, *pairs)]


@given(
    words=st.lists(st.sampled_from([*"天气很好日本の", "cat", "42", "word", "ünïcode", "!", "，"]), max_size=40),
    upper=st.booleans(),
)
def test_features_are_hashed_tokens_and_pairs_of_neighbours(words, upper):
    text = " ".join(words)
    expected = np.bincount(np.array(slow_features(words, 97), np.int64), minlength=97)
    counts = np.zeros(97, np.int64)
    assert count_features(pa.array([text.upper() if upper else text]), counts) == expected.sum()
    assert (counts == expected).all()
    table = np.random.default_rng(0).normal(size=97).astype(np.float32)
    sums, totals = weigh_features(pa.array([text]), table)
    assert sums[0] == pytest.approx(float((table.astype(np.float64) * expected).sum()), abs=1e-9)
    assert totals[0] == expected.sum()


def test_slices_nulls_and_empty_texts():
    table = np.random.default_rng(0).normal(size=64).astype(np.float32)
    column = pa.array(["x", None, "", "天气 fine", "天气"])
    whole = weigh_features(column, table)
    for at in range(5):
        sums, totals = weigh_features(column.slice(at, 1), table)
        assert (sums[0], totals[0]) == (whole[0][at], whole[1][at])
    assert whole[1].tolist() == [1, 0, 0, 5, 3]
    assert weigh_features(pa.array([], pa.string()), table)[0].shape == (0,)


def test_log_ratios_are_those_of_the_smoothed_shares():
    table = fit(batches(["a b", None]), batches(["c c c"]), buckets=1000)
    held = {name: table.manifest[name]["held_out"] for name in ("target", "raw")}
    assert held == {"target": 0, "raw": 0}
    wanted, found = Counter(slow_features(["a", "b"], 1000)), Counter(slow_features(["c"] * 3, 1000))
    for number in {*wanted, *found, 0}:
        expected = math.log((wanted[number] + 1) / 1003) - math.log((found[number] + 1) / 1005)
        assert table.log_ratio[number] == pytest.approx(expected, rel=1e-5)


def test_the_table_does_not_depend_on_batches():
    one, other = (fit(batches(TARGET, n), batches(RAW, n), buckets=512) for n in (1, 7))
    assert (one.log_ratio == other.log_ratio).all()
    assert one.manifest == other.manifest


@pytest.fixture
def folder(tmp_path: Path) -> str:
    save(fit(batches(TARGET), batches(RAW), buckets=512), str(tmp_path / "table"))
    return str(tmp_path / "table")


def weights(stage: Dsir, texts: list[str | None]) -> list[float | None]:
    return stage(pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())}))["log_weight"].to_pylist()


def test_what_is_like_the_target_weighs_more(folder):
    stage = Dsir(model=folder)
    stage.check()
    good, bad, null, empty = weights(stage, ["明天天气 is fine", "购买 click now", None, "  "])
    assert good is not None
    assert bad is not None
    assert good > 0 > bad
    assert null is None
    assert empty is None


def test_the_weight_a_feature_is_the_mean(folder):
    found = Dsir(model=folder)(pa.RecordBatch.from_pydict({"text": ["天气很好"]}))
    assert found["per_feature"][0].as_py() == pytest.approx(found["log_weight"][0].as_py() / 7, rel=1e-6)


def rewrite(folder: str, change) -> None:
    path = Path(folder) / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (Path(f) / "log_ratio.f32").write_bytes(b"\0" * 2048), "sha256"),
        (lambda f: (Path(f) / "log_ratio.f32").write_bytes(b"\0" * 2047), "2047 bytes"),
        (lambda f: (Path(f) / "manifest.json").write_text("{"), "damaged"),
        (lambda f: (Path(f) / "manifest.json").write_bytes(b"\xff\xfe"), "damaged"),
        (lambda f: rewrite(f, lambda d: [d]), "not of a table"),
        (lambda f: rewrite(f, lambda d: d | {"version": 2}), "not of a table"),
        (lambda f: rewrite(f, lambda d: d | {"buckets": 1 << 40}), "buckets"),
        (lambda f: rewrite(f, lambda d: d | {"buckets": "512"}), "buckets"),
        (lambda f: rewrite(f, lambda d: d | {"features": 99}), "fit it again"),
        (lambda f: rewrite(f, lambda d: {k: v for k, v in d.items() if k != "table"}), "damaged"),
    ],
)
def test_a_damaged_table_is_an_error_that_names_it(folder, damage, said):
    damage(folder)
    with pytest.raises(DsirError, match=said) as raised:
        Dsir(model=folder).check()
    assert folder in str(raised.value)


def test_numbers_that_are_none_are_refused(tmp_path):
    save(Table(np.full(16, np.nan, np.float32), {**fit(batches(["a"]), batches(["b"]), buckets=16).manifest}), str(tmp_path))
    with pytest.raises(DsirError, match="no number"):
        load(str(tmp_path))


@pytest.mark.parametrize(("target", "raw"), [([], ["x"]), (["x"], []), ([None], ["x"])])
def test_nothing_to_learn_from_is_an_error(target, raw):
    with pytest.raises(DsirError, match="no documents"):
        fit(batches(target), batches(raw))


# ------------------------------------------------------------------------------------------------------------ real text


@pytest.fixture(scope="session")
def real() -> Path:
    folder = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "text"
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the test data"
    return folder


@pytest.mark.data
@pytest.mark.parametrize("target", ["zhwiki_paragraphs_hans_cmrc2018.jsonl", "zh_academic_abstracts_csl.jsonl"])
def test_the_command_tells_edited_text_from_raw_crawl(real, tmp_path, target):
    raw = str(real / "hplt_raw_zh_web.jsonl")
    said = CliRunner().invoke(commands, ["dsir", "--target", str(real / target), "--raw", raw, "--to", str(tmp_path / "t")])
    assert said.exit_code == 0, said.output
    manifest = load(str(tmp_path / "t")).manifest
    assert manifest["held_out_auc"] > 0.97
    assert f"AUC {manifest['held_out_auc']:.4f}" in said.output
    assert manifest["files"]["target"][0]["name"] == target
