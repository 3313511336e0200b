"""`classifier`: a tiny model made here, its scores against the library's own, and folders that must not be opened."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from curator.engine.executor import Inline
from curator.engine.passes import run_pass
from curator.pipeline.load import RecipeErrors, load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch
from curator.stages.classifier import Classifier
from curator.stages.classifier_model import Classifier as Opened
from curator.stages.classifier_model import ClassifierError, check_safetensors

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"天气很好今下雨", "the", "weather", "is", "good", "bad", "rain", "buy", "now"]
TEXTS = ["今天天气很好", "the weather is good", "buy now", "rain " * 100, "天" * 45, "", None, "   ", "qq zz", "好"]


def make(folder: Path, labels: int = 1, **changes: Any) -> str:
    """A BERT of two layers with weights by chance, as the library saves it, and its tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(7)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    given: dict[str, Any] = shape | changes | {"num_labels": labels}
    config = BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **given)
    config.initializer_range = 1.0
    model = BertForSequenceClassification(config)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))  # type: ignore[call-arg]
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return str(folder)


@pytest.fixture(scope="session")
def regression(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make(tmp_path_factory.mktemp("regression"))


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> str:
    names = {0: "good", 1: "bad", 2: "advert"}
    return make(tmp_path_factory.mktemp("three"), labels=3, id2label=names, label2id={v: k for k, v in names.items()})


@pytest.fixture
def copy(three: str, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in Path(three).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def docs(texts: list[str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})


def logits(folder: str, windows: list[list[int]]) -> np.ndarray:
    """What the library says of one window after the other."""
    import torch
    from transformers import BertForSequenceClassification

    model = BertForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return np.concatenate([model(input_ids=torch.tensor([w])).logits.double().numpy() for w in windows])


def ids(text: str) -> list[int]:
    return [WORDS.index(c) if c in WORDS else 1 for c in (text.split() if " " in text else text)]


def test_a_regression_gives_the_number_itself(regression):
    stage = Classifier(model=regression, max_tokens=32)
    found = stage(docs(["今天天气", "buy now", None, ""]))
    expected = logits(regression, [[2, *ids("今天天气"), 3], [2, *ids("buy now"), 3]])[:, 0]
    assert found["score"].to_pylist()[:2] == pytest.approx(expected.tolist(), rel=1e-5)
    assert found["score"].to_pylist()[2:] == [None, None]
    assert found["label"].null_count == 4
    assert found["tokens"].to_pylist() == [6, 4, None, 0]
    assert found["truncated"].to_pylist() == [False, False, None, False]


def test_labels_are_probabilities(three):
    found = {label: Classifier(model=three, label=label, max_tokens=32)(docs(TEXTS)) for label in ("good", "bad", "advert")}
    columns = np.array([f["score"].to_pylist() for f in found.values()], float)
    measured = [0, 1, 2, 3, 4, 8, 9]
    assert columns[:, measured].sum(axis=0) == pytest.approx(1, abs=1e-6)
    assert np.isnan(columns[:, [5, 6, 7]]).all()
    best = [list(found)[n] for n in columns[:, measured].argmax(axis=0)]
    assert [found["good"]["label"].to_pylist()[n] for n in measured] == best


def test_several_labels_at_once_are_sigmoids(tmp_path):
    folder = make(tmp_path, labels=2, problem_type="multi_label_classification")
    found = Classifier(model=folder, label="LABEL_1", max_tokens=32)(docs(["buy now"]))["score"][0].as_py()
    assert found == pytest.approx(1 / (1 + np.exp(-logits(folder, [[2, *ids("buy now"), 3]])[0, 1])), rel=1e-5)


def test_windows_are_averaged_by_their_tokens(regression):
    text = "天" * 45
    windows = [[2, *ids("天" * n), 3] for n in (30, 15)]
    expected = np.average(logits(regression, windows)[:, 0], weights=[32, 17])
    two = Classifier(model=regression, max_tokens=32, windows=2)(docs([text]))
    assert two["score"][0].as_py() == pytest.approx(expected, rel=1e-5)
    assert (two["tokens"][0].as_py(), two["truncated"][0].as_py()) == (49, False)
    one = Classifier(model=regression, max_tokens=32)(docs([text]))
    assert one["score"][0].as_py() == pytest.approx(logits(regression, windows[:1])[0, 0], rel=1e-5)
    assert (one["tokens"][0].as_py(), one["truncated"][0].as_py()) == (32, True)


def test_a_long_text_costs_no_more_than_its_windows(regression):
    opened = Opened(regression, "cpu", 32, 1)
    windows, more = opened.windows("rain " * 1_000_000, 2)
    assert [len(w) for w in windows] == [32, 32]
    assert more


def test_scores_are_the_same_bytes_however_texts_are_batched(three):
    stage = Classifier(model=three, label="good", max_tokens=32, windows=2)
    whole = stage(docs(TEXTS))
    for size in (1, 3, 4):
        parts = [stage(docs(TEXTS).slice(at, size)) for at in range(0, len(TEXTS), size)]
        for key in stage.writes:
            assert pa.concat_arrays([part[key] for part in parts]).equals(whole[key])


def test_batches_of_fixed_shapes_say_the_same_whoever_shares_them(three):
    """The way of a GPU, on the CPU."""
    opened = Opened(three, "cpu", 32, 1)
    opened._batch = 4
    windows = [opened.windows(text, 1)[0][0] for text in TEXTS if text and text.strip()]
    whole = opened.scores(windows)
    for place, window in enumerate(windows):
        assert opened.scores([window])[0].tolist() == whole[place].tolist()
    opened._batch = 1
    assert opened.scores(windows) == pytest.approx(whole, abs=1e-5)


# ------------------------------------------------------------------------------------------------------- in a whole run


RECIPE = """
name: judged
sources:
  web: {{read: jsonl, from: {folder}/*.jsonl}}
stages:
  - classifier: {{model: {model}, label: good, max_tokens: 32, {options}}}
output: {folder}/out
"""


def recipe(folder: Path, model: str, options: str):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS if text and text.strip())
    if not (folder / "raw.jsonl").exists():
        (folder / "raw.jsonl").write_text(lines)
    (folder / "recipe.yaml").write_text(RECIPE.format(folder=folder, model=model, options=options))
    return load_recipe(str(folder / "recipe.yaml"))


def test_a_bound_rejects(three, tmp_path):
    summary = run(recipe(tmp_path, three, "min: 0.4"), Inline(), Watch())
    scores = Classifier(model=three, label="good", max_tokens=32)(docs(TEXTS))["score"].drop_null().to_pylist()
    low = sum(score < np.float32(0.4) for score in scores)
    assert 0 < low < len(scores)
    assert summary["sources"]["web"]["rejected"] == {"classifier.score": low}


def test_resources_reach_the_executor_and_leave_the_fingerprint(three, tmp_path):
    asked = []

    class Asked(Inline):
        def map(self, function, items, resources=None):
            asked.append(resources)
            return super().map(function, items, resources)

    run(recipe(tmp_path, three, "resources: {gpu: 0.25, cpu: 2}"), Asked(), Watch())
    assert {"cpu": 2.0, "gpu": 0.25} in asked
    asked.clear()
    run(recipe(tmp_path, three, "resources: {gpu: 1}"), Asked(), Watch())
    assert {"gpu": 1.0} not in asked  # all is done: nothing to place
    assert run_pass([], Inline(), print) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("sha256: abc", "sha256"),
        ("resources: {gpu: 1.5}", "resources: gpu"),
        ("windows: 0", "windows"),
        ("device: tpu", "device"),
    ],
)
def test_slips_are_found_before_the_run(three, tmp_path, options, said):
    with pytest.raises(RecipeErrors, match=said):
        recipe(tmp_path, three, options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "name the one whose probability"),
        ({"label": "fine"}, "no 'fine', but good, bad, advert"),
        ({"label": "good", "max_tokens": 64}, "reads 32 at most"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(three, options, said):
    with pytest.raises(ClassifierError, match=said):
        Classifier(model=three, **({"max_tokens": 32} | options)).check()


def edit(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).write_text(json.dumps(change(json.loads((folder / name).read_text()))))

    return apply


def rewrite_header(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "model.safetensors"
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.dumps(change(json.loads(data[8 : 8 + length]))).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + length :])

    return apply


def first_tensor(values: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda header: {k: (v | values if k.endswith("word_embeddings.weight") else v) for k, v in header.items()}


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (edit("config.json", lambda c: c | {"auto_map": {"AutoModel": "evil.Model"}}), "code of its own"),
        (edit("config.json", lambda c: c | {"quantization_config": {}}), "quantised"),
        (edit("config.json", lambda c: c | {"architectures": ["BertModel"]}), "ForSequenceClassification"),
        (edit("config.json", lambda c: [c]), "no mapping"),
        (edit("tokenizer.json", lambda c: 7), "no mapping"),
        (lambda f: (f / "config.json").write_text("{"), "damaged"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda f: (f / "adapter_config.json").write_text("{}"), "adapter"),
        (pickled, "model.safetensors"),
        (cut_short, "truncated or damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64), "no safetensors"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "no safetensors"),
        (rewrite_header(lambda h: []), "header is damaged"),
        (rewrite_header(first_tensor({"dtype": "PICKLE"})), "header is damaged"),
        (rewrite_header(first_tensor({"shape": [1 << 40]})), "damaged"),
        (rewrite_header(first_tensor({"data_offsets": [0, 1 << 60]})), "damaged"),
        (lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../x.safetensors"}}'), "beside it"),
    ],
)
def test_a_broken_or_dangerous_folder_is_refused_unopened(copy, damage, said):
    damage(copy)
    with pytest.raises(ClassifierError, match=said):
        Classifier(model=str(copy), label="good", max_tokens=32).check()


def test_weights_without_a_trained_head_are_refused(copy):
    drop = rewrite_header(lambda h: {("other." + k if k.startswith("classifier.") else k): v for k, v in h.items()})
    drop(copy)
    with pytest.raises(ClassifierError, match="not trained as a classifier"):
        Classifier(model=str(copy), label="good", max_tokens=32)(docs(["好"]))


def test_a_whole_file_passes(three):
    check_safetensors(f"{three}/model.safetensors")


def test_a_hub_is_not_asked(tmp_path):
    with pytest.raises(ClassifierError, match="no folder on this machine"):
        Classifier(model="some/model-name", label="good").check()


@pytest.mark.slow
def test_ray_places_what_is_asked_and_refuses_what_is_not_there(three, tmp_path):
    from curator.engine.digest import output_digest
    from curator.engine.ray import ClusterError, Ray

    run(recipe(tmp_path, three, "min: 0.4"), Inline(), Watch())
    inline = output_digest(str(tmp_path / "out"))
    (tmp_path / "ray").mkdir()
    cluster = Ray("local", workers=2)
    try:
        with pytest.raises(ClusterError, match="asks for gpu: 1000, and this machine has"):
            run(recipe(tmp_path / "ray", three, "min: 0.4, resources: {gpu: 1000}"), cluster, Watch())
        run(recipe(tmp_path / "ray", three, "min: 0.4, resources: {cpu: 2}"), cluster, Watch())
    finally:
        cluster.close()
    assert output_digest(str(tmp_path / "ray" / "out")) == inline
