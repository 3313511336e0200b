"""`perplexity`: which model judges which document, by what number, and CCNet's own."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curator.documents import Rule, decide
from curator.lm.artefact import open_model
from curator.lm.ccnet import normalized
from curator.lm.errors import LanguageModelError
from curator.lm.train import Training, train
from curator.pipeline.load import RecipeErrors, load_recipe
from curator.stages.perplexity import Perplexity

ENGLISH = [
    "The cat sat on the mat.",
    "A dog met the cat, and the cat ran.",
    "It is the end of the day.",
    "The dog sat down.",
] * 3
CHINESE = ["我们在北京大学学习。", "他们在學校讀書，我們在家。", "北京是中国的首都。", "大学里有很多学生。"] * 3


def batch(texts: Sequence[str | None], languages: Sequence[str | None] | None = None) -> pa.RecordBatch:
    columns = {"source": ["toy"] * len(texts), "language": languages or [None] * len(texts), "text": texts}
    return pa.RecordBatch.from_pydict(columns, schema=pa.schema([(name, pa.string()) for name in columns]))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    for language, texts in (("en", ENGLISH), ("zh", CHINESE)):
        train([batch(list(texts))], str(folder / language), Training(tokens="words", order=3, estimator="curator"))
    return {language: str(folder / language) for language in ("en", "zh")}


def scores(stage: Perplexity, docs: pa.RecordBatch) -> dict[str, list[float | None]]:
    found = stage(docs)
    assert {name: array.type for name, array in found.items()} == dict(stage.writes)
    return {name: array.to_pylist() for name, array in found.items()}


def test_text_like_the_training_text_scores_low(models: dict[str, str]):
    docs = batch(
        ["The cat sat on the day.", "Zebras quarrel loudly.", "我们在学校学习。", "注册送彩金"], ["en", "en", "zh", "zh"]
    )
    found = scores(Perplexity(models=models), docs)
    for name in ("perplexity", "worst", "unknown"):
        values: Any = found[name]
        assert values[0] < values[1]
        assert values[2] < values[3]


def test_the_numbers_are_kenlms(models: dict[str, str]):
    import kenlm

    model = kenlm.Model(f"{models['en']}/model.bin")
    found = scores(Perplexity(model=models["en"], window=10), batch(["The cat met a zebra.", "x" * 60]))
    lines = ["the cat met a zebra .", "x" * 40 + " " + "x" * 20]
    for row, line in enumerate(lines):
        total = model.score(line)
        assert found["perplexity"][row] == pytest.approx(10 ** (-total / (len(line.split()) + 1)), rel=1e-5)
        assert found["per_character"][row] == pytest.approx(10 ** (-total / len(line.replace(" ", ""))), rel=1e-5)
        assert found["worst"][row] == pytest.approx(found["perplexity"][row])
    assert found["unknown"] == pytest.approx([1 / 6, 1.0])


def test_the_worst_window_shows_a_spam_block_in_a_good_page(models: dict[str, str]):
    good = " ".join(ENGLISH)
    found = scores(Perplexity(model=models["en"], window=20), batch([good, f"{good} {'casino bonus now ' * 7} {good}"]))
    clean, spam = zip(found["perplexity"], found["worst"])
    assert clean[1] is not None
    assert clean[0] is not None
    assert clean[1] < 2 * clean[0]
    assert spam[1] is not None
    assert spam[0] is not None
    assert spam[1] > 4 * spam[0]


def test_layout_does_not_count(models: dict[str, str]):
    found = scores(Perplexity(model=models["en"]), batch(["The cat sat on the mat.", "The  cat\n\nsat on\tthe mat.\n"]))
    assert found["perplexity"][0] == found["perplexity"][1]


def test_simplified_and_traditional_are_judged_alike(models: dict[str, str]):
    found = scores(Perplexity(model=models["zh"]), batch(["他們在學校讀書，我們在家。", "他们在学校读书，我们在家。"]))
    assert found["perplexity"][0] == pytest.approx(found["perplexity"][1])


def test_nulls_where_there_is_no_model_or_no_text(models: dict[str, str]):
    docs = batch(["The cat.", "Le chat.", None, "", " \n", "The cat."], ["en", "fr", "en", "en", "en", None])
    found = scores(Perplexity(models={"en": models["en"]}), docs)
    for values in found.values():
        assert [value is not None for value in values] == [True, False, False, False, False, False]


def test_a_rule_on_a_null_rejects_unless_the_rest_has_a_model(models: dict[str, str]):
    docs = batch(["The cat sat.", "The cat sat."], ["en", "fr"])
    rule = Rule(column="perplexity", reason="f.perplexity", max=1e6)
    for stage, expected in (
        (Perplexity(models={"en": models["en"]}), [None, "f.perplexity"]),
        (Perplexity(models={"zh": models["zh"]}, model=models["en"]), [None, None]),
    ):
        columns = {"perplexity": stage(docs)["perplexity"]}
        assert decide(pa.RecordBatch.from_pydict(columns), [rule]).to_pylist() == expected


def test_slices_and_batches_do_not_matter(models: dict[str, str]):
    texts = [*ENGLISH, "Something else entirely.", None]
    stage = Perplexity(model=models["en"])
    whole = scores(stage, batch(list(texts)))
    parts = [scores(stage, batch(list(texts)).slice(i, 1)) for i in range(len(texts))]
    for name, values in whole.items():
        assert values == [part[name][0] for part in parts]
    assert all(len(array) == 0 for array in stage(batch([])).values())


def test_files_are_all_that_the_output_depends_on(models: dict[str, str], pieces_pair: str):
    stage = Perplexity(models=models, model=pieces_pair)
    names = [path.rsplit("/", 1)[-1] for path in stage.files()]
    assert names == ["manifest.json", "model.bin"] * 2 + ["zh.arpa.bin", "zh.sp.model"]
    assert stage.reads == {"text", "language"}
    assert Perplexity(model=pieces_pair).reads == {"text"}


@pytest.mark.parametrize("options", [{}, {"model": "x", "window": 5}])
def test_options_that_cannot_be_are_refused(options: dict[str, Any]):
    with pytest.raises(ValueError, match=r"model|window"):
        Perplexity(**options)


def test_a_missing_model_is_an_error_with_its_name():
    with pytest.raises(LanguageModelError, match="nowhere"):
        Perplexity(model="nowhere/zh")(batch(["text"]))


# --------------------------------------------------------------------------------------------------------------- CCNet


@pytest.fixture(scope="module")
def pieces_pair(tmp_path_factory: pytest.TempPathFactory) -> str:
    """CCNet's two files, as it names them."""
    import sentencepiece

    folder = tmp_path_factory.mktemp("ccnet")
    trainer: Any = sentencepiece.SentencePieceTrainer
    pieces = folder / "zh.sp.model"
    with pieces.open("wb") as stream:
        text = [normalized(text) for text in (CHINESE + ENGLISH) * 5]
        trainer.train(sentence_iterator=iter(text), model_writer=stream, vocab_size=110, hard_vocab_limit=False, minloglevel=2)
    options: dict[str, Any] = {"tokens": "sentencepiece", "sentencepiece": str(pieces), "order": 4, "estimator": "curator"}
    train([batch(CHINESE + ENGLISH)], str(folder / "made"), Training(**options))
    shutil.copy(folder / "made" / "model.bin", folder / "zh.arpa.bin")
    return str(folder / "zh.arpa.bin")


TEXTS = [
    "我们在北京大学学习。\n北京是中国的首都",
    "  The Cat sat — on 25 mats…\n\nThe end ",
    "𠮷野家，龘龘 unknown ẞ characters",
    "一",
    "1" * 3000,
]


def test_ccnets_number_is_its_own(pieces_pair: str):
    """Its classes MultiSentencePiece and DocLM, said again: normalise the whole document, cut it, score it as one line."""
    import kenlm
    import sentencepiece

    processor: Any = sentencepiece.SentencePieceProcessor(model_file=pieces_pair.replace(".arpa.bin", ".sp.model"))
    model = kenlm.Model(pieces_pair)
    found = scores(Perplexity(model=pieces_pair), batch(list(TEXTS)))
    for text, perplexity in zip(TEXTS, found["perplexity"]):
        line = " ".join(processor.encode_as_pieces(normalized(text)))
        assert perplexity == round(10.0 ** (-model.score(line) / (len(line.split()) + 1)), 1)


def test_a_folder_of_pieces_judges_as_its_pair(pieces_pair: str):
    folder = str(Path(pieces_pair).parent / "made")
    assert open_model(folder).tokens == "sentencepiece"
    one, other = (scores(Perplexity(model=path), batch(list(TEXTS))) for path in (pieces_pair, folder))
    assert one == other
    assert all(value is not None and math.isfinite(value) for values in one.values() for value in values)


def test_a_pair_that_is_cut_off_is_an_error(pieces_pair: str, tmp_path: Path):
    whole = Path(pieces_pair)
    (tmp_path / "zh.arpa.bin").write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(LanguageModelError, match=r"zh\.sp\.model"):
        open_model(str(tmp_path / "zh.arpa.bin"))
    shutil.copy(str(whole).replace(".arpa.bin", ".sp.model"), tmp_path / "zh.sp.model")
    with pytest.raises(LanguageModelError, match=r"zh\.arpa\.bin"):
        open_model(str(tmp_path / "zh.arpa.bin"))


def test_an_improbable_text_is_a_number_not_an_error(models: dict[str, str]):
    found = scores(Perplexity(model=models["en"]), batch(["\U0001f600" * 5000]))
    assert found["perplexity"][0] is not None
    assert math.isfinite(found["perplexity"][0])


def test_a_damaged_model_stops_the_recipe_at_its_line(models: dict[str, str], tmp_path: Path):
    shutil.copytree(models["zh"], tmp_path / "zh")
    whole = (tmp_path / "zh" / "model.bin").read_bytes()
    (tmp_path / "zh" / "model.bin").write_bytes(whole[:-5])
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"name: r\nsources:\n  a: {{read: jsonl, from: {tmp_path}/a.jsonl}}\nstages:\n"
        f"  - perplexity: {{models: {{zh: {tmp_path}/zh}}}}\noutput: out\n"
    )
    with pytest.raises(RecipeErrors, match=r"r\.yaml:5: .*model\.bin: .* truncated or changed"):
        load_recipe(str(recipe))
