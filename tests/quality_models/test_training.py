"""Models of invented documents: what they tell apart, what their manifests say, the same bytes each time."""

import json
import shutil
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest

from curator.models import ModelError, fasttext_model
from curator.quality import artefact, training
from curator.quality.artefact import open_model
from curator.quality.documents import collected
from curator.quality.training import Options, TrainingError, train


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_bytes())


def test_it_tells_the_classes_apart(model, invented):
    scores = open_model(str(model)).scores
    good = scores(pa.array(invented.texts(invented.GOOD, 100, 21))).to_numpy()
    poor = scores(pa.array(invented.texts(invented.POOR, 100, 22))).to_numpy()
    assert good.min() > poor.max()
    assert (good > 0.5).mean() > 0.95
    assert (poor < 0.5).mean() > 0.95


def test_the_manifest_has_the_evidence(model):
    found = manifest(model)
    assert found["held_out"]["auc"] > 0.99
    assert 0.3 < found["held_out"]["auc_of_length_and_newlines_alone"] < 0.7
    assert set(found["left_out"]) == {"positive"}
    assert set(found["left_out"]["positive"]) == {"news", "wiki"}
    assert found["left_out"]["positive"]["news"]["auc"] > 0.97
    assert set(found["held_out"]["by_language"]) == {"zh", "yue"}
    assert found["documents"]["negative"]["crawl"]["trained"] > 150
    assert found["training"]["windows"][0] == found["training"]["windows"][1]
    assert found["model"]["bytes"] == (model / "model.ftz").stat().st_size
    assert all(isinstance(found["calibration"][key], float) for key in ("slope", "intercept"))
    features = {name: [f["text"] for f in rows] for name, rows in found["features"].items()}
    assert any(text in "免费领取红包点击下载加微信送优惠券限时特价包邮快来抢购" for text in features["negative"])
    assert any(text in "山川湖泊形成于第四纪冰期研究者测量了沉积层的年代" for text in features["positive"])


def test_calibrated_scores_are_frequencies(tmp_path, invented):
    """Documents of which some have the words of the other class: a score of .8 must be right four times in five."""

    def mixed(seed: str, other: str, numbers: int, count: int = 1500) -> list[str]:
        return [*invented.texts(seed, count, numbers, 0.15), *invented.texts(other, count // 3, numbers + 1, 0.15)]

    good, poor = mixed(invented.GOOD, invented.POOR, 31), mixed(invented.POOR, invented.GOOD, 41)
    made = train([invented.batch("a", good)], [invented.batch("b", poor)], str(tmp_path / "m"), invented.SMALL)
    assert 0.6 < made["held_out"]["auc"] < 0.9
    assert made["held_out"]["reliability"]["expected_calibration_error"] < 0.12


def test_equal_documents_give_equal_bytes(tmp_path, invented):
    rows = [*invented.good()]
    again = [invented.batch("news", rows[1].column("text").to_pylist()[::-1], "yue"), rows[0]]
    train(rows, invented.poor(), str(tmp_path / "one"), invented.SMALL)
    train(again, invented.poor(), str(tmp_path / "two"), invented.SMALL)
    for name in ("model.ftz", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    other = Options(**{**manifest_options(tmp_path / "one"), "seed": 2})
    train(rows, invented.poor(), str(tmp_path / "three"), other, group_by="none")
    assert (tmp_path / "three" / "model.ftz").read_bytes() != (tmp_path / "one" / "model.ftz").read_bytes()
    assert manifest(tmp_path / "three")["left_out"] == {}


def manifest_options(folder: Path) -> dict:
    known = set(Options.__dataclass_fields__)
    return {key: value for key, value in manifest(folder)["training"].items() if key in known}


def test_the_library_opens_what_is_stored(model, invented):
    from curator.quality.tokens import spelled

    column = pa.array(invented.texts(invented.GOOD, 5, 51))
    library = fasttext_model(str(model / "model.ftz"))
    lines = [line.decode() for line in spelled(column)]
    theirs = library.probabilities(lines)[:, library.labels.index("positive")]
    odds = open_model(str(model)).scorer.logits(column)
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(theirs, abs=5e-5)


@pytest.mark.parametrize(
    ("good", "poor", "said"),
    [
        (5, 200, "positive: 5 different documents"),
        (200, 12, "negative: 12 different documents"),
        (0, 0, "positive: 0 different"),
    ],
)
def test_too_few_documents(tmp_path, invented, good, poor, said):
    positive = [invented.batch("a", invented.texts(invented.GOOD, good, 1))]
    negative = [invented.batch("b", invented.texts(invented.POOR, poor, 2))]
    with pytest.raises(TrainingError, match=said):
        train(positive, negative, str(tmp_path / "m"), invented.SMALL)
    assert not (tmp_path / "m").exists()


def test_texts_that_both_classes_have_are_left_out(tmp_path, invented):
    rows = invented.texts(invented.GOOD, 100, 1)
    with pytest.raises(TrainingError, match="positive: 0 different"):
        train([invented.batch("a", rows)], [invented.batch("b", rows)], str(tmp_path / "m"), invented.SMALL)


def test_a_model_that_is_no_better_than_chance_is_not_made(model, invented):
    """Its calibration would turn it round."""
    sides = [collected(batches, 1000, 2048) for batches in (invented.poor(), invented.good())]
    with pytest.raises(TrainingError, match="cannot be told apart"):
        training._calibrated(open_model(str(model)).scorer, (sides[0], sides[1]))


# ------------------------------------------------------------------------------------------------------------ the artefact


@pytest.fixture
def copy(model, tmp_path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "copy"))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.99999])
def test_a_truncated_model(copy, share):
    path = copy / "model.ftz"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ModelError, match=r"model\.ftz: \d+ bytes, and its manifest says"):
        open_model(str(copy))


def test_a_changed_model(copy):
    data = bytearray((copy / "model.ftz").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "model.ftz").write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.ftz: its sha256 is .* changed"):
        open_model(str(copy))


def test_a_broken_model_whose_manifest_agrees_with_it(copy):
    """Whoever made the manifest hashed what was broken already: then the walk over the format says it."""
    data = (copy / "model.ftz").read_bytes()[:-40]
    found = manifest(copy)
    artefact.write(str(copy), data, {key: found[key] for key in ("calibration", "held_out")})
    with pytest.raises(ModelError, match=r"model\.ftz: .*(truncated|damaged|early)"):
        open_model(str(copy))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "format 2, and 1 is the one that is known"),
        ({"tokens": {"name": "words", "revision": 1, "table": ""}}, "train it anew"),
        ({"calibration": {"slope": -1.0, "intercept": 0.0}}, "calibration"),
        ({"calibration": {"slope": "much", "intercept": 0.0}}, "calibration"),
        ({"calibration": {}}, "no manifest of a quality model"),
        ({"model": {}}, "no manifest of a quality model"),
    ],
)
def test_a_manifest_that_does_not_fit(copy, change, said):
    (copy / "manifest.json").write_bytes(orjson.dumps(manifest(copy) | change))
    with pytest.raises(ModelError, match=rf"manifest\.json: .*{said}"):
        open_model(str(copy))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff"])
def test_no_manifest(copy, data):
    (copy / "manifest.json").write_bytes(data)
    with pytest.raises(ModelError, match=r"manifest\.json: no manifest"):
        open_model(str(copy))


def test_nothing_there(tmp_path):
    with pytest.raises(ModelError, match=r"none: no quality model: No such file"):
        open_model(str(tmp_path / "none"))


def test_opened_once(model, copy):
    assert open_model(str(model)) is open_model(str(copy))
