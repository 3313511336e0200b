"""Model files are checked before a native library sees them, and opened once."""

import hashlib
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from curator.models import LID_176, ModelError, check_fasttext, fasttext_model, named

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def lid() -> Path:
    path = Path(os.environ.get("CURATOR_DATA", "../shared/data")) / "assets" / "lid.176.ftz"
    assert path.is_file(), f"{path} is missing: set CURATOR_DATA to the folder of the test data"
    return path


@pytest.fixture
def copy(lid: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(lid, tmp_path / "copy.ftz"))


def test_probabilities(lid: Path) -> None:
    model = fasttext_model(str(lid))
    found = model.probabilities(["今天天气很好，\n我们去公园。", "The weather is fine.", "", " \n "])
    assert found.shape == (4, len(model.labels))
    assert [model.labels[i] for i in found[:2].argmax(axis=1)] == ["zh", "en"]
    assert np.all(found <= 1)
    assert found[:2].sum(axis=1) == pytest.approx([1, 1], abs=1e-3)
    assert not found[2:].any()
    assert model.probabilities([]).shape == (0, len(model.labels))


def test_a_newline_is_a_space(lid: Path) -> None:
    model = fasttext_model(str(lid))
    one, other = model.probabilities(["guten Morgen\nliebe Leute", "guten Morgen liebe Leute"])
    assert np.array_equal(one, other)


def test_opened_once_by_content(lid: Path, copy: Path) -> None:
    assert fasttext_model(str(lid)) is fasttext_model(str(copy))


def test_nothing_is_printed_on_opening(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import curator.models

    curator.models.FastText(str(copy))
    assert capfd.readouterr() == ("", "")


def test_pin(lid: Path) -> None:
    right = hashlib.sha256(lid.read_bytes()).hexdigest()
    assert fasttext_model(f"{lid}#sha256={right}").labels
    assert fasttext_model(f"{lid}#sha256={right.upper()}").labels
    with pytest.raises(ModelError, match=r"lid\.176\.ftz: its sha256 is .*, the recipe pins 000"):
        fasttext_model(f"{lid}#sha256={'0' * 64}")
    with pytest.raises(ModelError, match=r"no model is named: one of lid\.176, or the path"):
        fasttext_model("")


def test_the_alias_is_pinned() -> None:
    assert named("lid.176") == LID_176
    assert "#sha256=" in LID_176
    assert named("some/path.bin") == "some/path.bin"


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.ftz: No such file"):
        fasttext_model(str(tmp_path / "none.ftz"))


@pytest.mark.parametrize("size", [0, 10, 63, 64, 100, 5_000, 100_000, 500_000, 938_012])
def test_truncated(copy: Path, size: int) -> None:
    copy.write_bytes(copy.read_bytes()[:size])
    with pytest.raises(ModelError, match=r"copy\.ftz"):
        fasttext_model(str(copy))


def test_something_appended(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes() + b"x")
    with pytest.raises(ModelError, match="1 bytes after the model's end"):
        fasttext_model(str(copy))


@pytest.mark.parametrize(
    ("at", "form", "value", "said"),
    [
        (0, "<i", 1, "not a fastText model"),
        (4, "<i", 99, "format 99"),
        (8, "<i", 17, "vectors of 16 numbers where the header says 17"),
        (64, "<i", -5, "damaged"),
        (64, "<i", 1 << 30, "damaged"),
        (72, "<i", 1 << 30, "damaged"),
        (84, "<q", 1 << 60, "does not fit"),
    ],
)
def test_damaged(copy: Path, at: int, form: str, value: int, said: str) -> None:
    data = bytearray(copy.read_bytes())
    struct.pack_into(form, data, at, value)
    copy.write_bytes(data)
    with pytest.raises(ModelError, match=said):
        check_fasttext(copy)


def test_a_web_page_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "lid.bin"
    path.write_bytes(b"<!doctype html><title>404 Not Found</title>" + b" " * 100)
    with pytest.raises(ModelError, match="not a fastText model"):
        fasttext_model(str(path))


def test_models_trained_here_pass_the_check(tmp_path: Path) -> None:
    import fasttext

    lines = [f"__label__{label} {word} {word}{i}" for i in range(300) for label, word in (("a", "alpha"), ("b", "beta"))]
    (tmp_path / "train.txt").write_text("\n".join(lines))
    trained = fasttext.train_supervised(
        str(tmp_path / "train.txt"), dim=8, epoch=1, thread=1, verbose=0, minn=2, maxn=3, bucket=1000
    )
    trained.save_model(str(tmp_path / "dense.bin"))
    trained.quantize(qnorm=True, qout=False, cutoff=300)
    trained.save_model(str(tmp_path / "quantized.ftz"))
    for name in ("dense.bin", "quantized.ftz"):
        check_fasttext(tmp_path / name)
        assert set(fasttext_model(str(tmp_path / name)).labels) == {"a", "b"}
        whole = (tmp_path / name).read_bytes()
        (tmp_path / f"short-{name}").write_bytes(whole[:-1])
        with pytest.raises(ModelError):
            check_fasttext(tmp_path / f"short-{name}")
