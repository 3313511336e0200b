"""Model files that are cut or changed anywhere: refused by name, or opened by the library without a crash."""

import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fasttext import FastText

from curator.models import ModelError, check_fasttext, fasttext_parts
from curator.quality.scoring import Scorer
from curator.quality.tokens import spelled

KINDS = ("dense.bin", "quantised.ftz", "pruned.ftz", "subwords.bin")
MUTANTS = 250

# Opens each file that it is named and asks it something; an exception is an answer, a signal is not.
PROBE = """
import sys
from fasttext import FastText
FastText.eprint = lambda *_, **__: None
for path in sys.argv[1:]:
    print(path, flush=True)
    try:
        FastText.load_model(path).f.multilinePredict(["快 来 抢 购 alpha zzz\\n"], 2, 0.0, "strict")
    except Exception:
        pass
print("done")
"""


@pytest.fixture(scope="module")
def models(invented, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("whole")
    texts = [(label, invented.texts(seed, 60, 1)) for label, seed in (("a", invented.GOOD), ("b", invented.POOR))]
    lines = [f"__label__{label} {line.decode()}" for label, rows in texts for line in spelled(pa.array(rows))]
    (folder / "lines").write_text("\n".join(lines))
    for name in KINDS:
        letters = {"minn": 2, "maxn": 3} if name == "subwords.bin" else {"minn": 0, "maxn": 0}
        options = {"dim": 6, "epoch": 2, "wordNgrams": 2, "bucket": 700, "thread": 1, "verbose": 0}
        model = FastText.train_supervised(str(folder / "lines"), **options, **letters)
        if name == "quantised.ftz":
            model.quantize(qnorm=False, dsub=4)  # the last part of a vector is shorter
        if name == "pruned.ftz":
            model.quantize(str(folder / "lines"), qnorm=True, cutoff=300, thread=1, verbose=0)
        model.save_model(str(folder / name))
    return {name: folder / name for name in KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_parts_are_what_the_library_reads(models, name):
    library = FastText.load_model(str(models[name]))
    parts = fasttext_parts(models[name])
    assert [word.decode() for word in parts.words] == library.get_words()
    assert [f"__label__{label}" for label in parts.labels] == library.get_labels()
    if name.endswith(".bin"):
        assert np.array_equal(parts.rows, library.get_input_matrix())
        assert np.array_equal(parts.output, library.get_output_matrix())
    for i in range(0, len(parts.rows), 37):
        assert parts.rows[i] == pytest.approx(library.get_input_vector(i), abs=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_cut_anywhere(models, name, tmp_path):
    whole = models[name].read_bytes()
    places = sorted({*range(0, 400, 7), *(len(whole) * i // 60 for i in range(60)), len(whole) - 1})
    for place in places:
        (tmp_path / name).write_bytes(whole[:place])
        with pytest.raises(ModelError, match=name):
            check_fasttext(tmp_path / name)


def refusal(call: Callable[[], object]) -> str | None:
    """What a ModelError says, if that is how it ends; any other error is one of ours."""
    try:
        call()
    except ModelError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", KINDS)
def test_changed_anywhere(models, name, tmp_path):
    """What the check lets pass has numbers or words that are wrong, never a size or an index that leads outside."""
    whole = models[name].read_bytes()
    chosen = random.Random(name)
    passed = []
    for number in range(MUTANTS):
        data = bytearray(whole)
        place = chosen.choice(
            [chosen.randrange(4, 100), chosen.randrange(4, len(data) - 8), len(data) - chosen.randrange(9, 40)]
        )
        form, value = chosen.choice(
            [("<i", -1), ("<i", 0), ("<i", 1 << 30), ("<i", 7), ("<q", -5), ("<q", 1 << 40), ("<B", 1), ("<B", 255)]
        )
        struct.pack_into(form, data, place, value)
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(data)
        if refusal(lambda path=path: check_fasttext(path)) is None:
            passed.append(str(path))
            said = refusal(lambda path=path: Scorer.of(path, "a").logits(pa.array(["快来抢购 alpha zzz", ""])))
            assert said is None or str(path) in said
    assert 10 < len(passed) < MUTANTS
    found = subprocess.run([sys.executable, "-c", PROBE, *passed], capture_output=True, text=True, timeout=200, check=False)
    assert found.returncode == 0, (found.returncode, found.stdout.splitlines()[-1:], found.stderr[-500:])
    assert found.stdout.endswith("done\n")
