"""Chinese models of real text: half of each source trained on, the rest judged; lengths and white space are the same."""

import json
import re
from pathlib import Path

import numpy as np
import opencc
import pyarrow as pa
import pytest

from curator.quality.artefact import open_model
from curator.quality.documents import collected, folded, pairs
from curator.quality.features import top_features
from curator.quality.figures import auc
from curator.quality.training import Options, TrainingError, train

pytestmark = pytest.mark.data

HALF = Options(held_out=0.5)
FIRST_JUDGED = 75  # of a hundred folds


def rows(data: Path, name: str) -> list[dict]:
    return [json.loads(line) for line in (data / "text" / name).read_text(encoding="utf-8").split("\n") if line]


def texts(data: Path, name: str, label: str | None = None) -> list[str]:
    return [row["text"] for row in rows(data, name) if label is None or row["label"] == label]


@pytest.fixture(scope="module")
def good(invented, data):
    return [
        invented.batch("hans", texts(data, "zhwiki_paragraphs_hans_cmrc2018.jsonl")),
        invented.batch("hant", texts(data, "zhwiki_paragraphs_hant_drcd.jsonl")),
        invented.batch("abstracts", texts(data, "zh_academic_abstracts_csl.jsonl")),
    ]


@pytest.fixture(scope="module")
def poor(invented, data):
    spam = texts(data, "zh_sms_spam_10k.jsonl", "spam")
    return [
        invented.batch("crawl", texts(data, "hplt_raw_zh_web.jsonl")),
        invented.batch("spam", [re.sub("x+", lambda run: "1" * len(run[0]), text) for text in spam]),
    ]


@pytest.fixture(scope="module")
def quality(good, poor, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "zh"
    return folder, train(good, poor, str(folder), HALF, group_by="none")


def test_it_tells_good_text_from_crawl_and_spam(quality):
    _, manifest = quality
    found = manifest["held_out"]
    assert found["auc"] > 0.985
    assert all(figure > 0.985 for figure in found["auc_by_source"]["positive"].values())
    assert all(figure > 0.985 for figure in found["auc_by_source"]["negative"].values())
    assert found["auc_of_length_and_newlines_alone"] < found["auc"]
    assert found["reliability"]["expected_calibration_error"] < 0.05


def judged(batches):
    found = collected(batches, 1 << 30, HALF.tokens)
    return folded(found, FIRST_JUDGED, 100)


def test_nothing_of_it_is_layout(quality, good, poor):
    """The same, told apart again from the documents: judged halves alone, without white space, in pairs of one length."""
    model = open_model(str(quality[0]))

    def bare(batches):
        return [
            b.set_column(2, "text", pa.array(["".join(text.split()) for text in b.column("text").to_pylist()])) for b in batches
        ]

    one, other = pairs(judged(bare(good)), judged(bare(poor)))
    assert [text.count(b" ") for text in one] == [text.count(b" ") for text in other]
    odds = [model.scorer.logits(pa.array([text.decode() for text in side])) for side in (one, other)]
    assert auc(*odds) > 0.98


@pytest.mark.parametrize(("source", "way"), [(0, "s2t"), (0, "s2twp"), (1, "t2s"), (1, "tw2sp")])
def test_both_forms_of_chinese_score_the_same(quality, good, source, way):
    model = open_model(str(quality[0]))
    before = good[source].column("text").slice(0, 200)
    after = pa.array(list(map(opencc.OpenCC(way).convert, before.to_pylist())))
    assert after != before
    one, other = (model.scores(column).to_numpy() for column in (before, after))
    assert np.abs(one - other).mean() < 0.01
    assert np.mean((one >= 0.5) != (other >= 0.5)) <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("left_out", ["hans", "hant", "abstracts", "crawl", "spam"])
def test_a_source_that_was_left_out(quality, good, poor, tmp_path, left_out):
    rest = [[b for b in side if b.column("source")[0].as_py() != left_out] for side in (good, poor)]
    train(rest[0], rest[1], str(tmp_path / "m"), HALF, group_by="none")
    model = open_model(str(tmp_path / "m"))
    alone = collected([b for b in [*good, *poor] if b.column("source")[0].as_py() == left_out], 1 << 30, HALF.tokens)
    positive = left_out in ("hans", "hant", "abstracts")
    one, other = pairs(alone, judged(poor)) if positive else pairs(judged(good), alone)
    odds = [model.scorer.logits(pa.array([text.decode() for text in side])) for side in (one, other)]
    assert auc(*odds) > 0.95


def test_its_features_can_be_read(quality, good, poor):
    model = open_model(str(quality[0]))
    sides = [[d.tokens for found in judged(side).values() for d in found] for side in (good, poor)]
    found = top_features(model.scorer, *sides, most=60)
    names = {side: {row["text"] for row in rows} for side, rows in found.items()}
    assert names["positive"] & {"年", "于", "为", "其", "以"}
    assert names["negative"] & {"您", "网", "www", "com", "彩", "公司"}
    assert all(row["positive"] > row["negative"] for row in found["positive"][:10])


def test_thirteen_labelled_pages_are_too_few(data, invented, tmp_path):
    sides = [
        [invented.batch(label, texts(data, "chinesewebtext_quality_labelled.jsonl", label))] for label in ("clean", "dirty")
    ]
    with pytest.raises(TrainingError, match=r"positive: \d different documents .* 30 are needed"):
        train(sides[0], sides[1], str(tmp_path / "m"))
