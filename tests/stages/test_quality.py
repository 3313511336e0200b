"""`quality` in a batch and in a run; models of invented documents."""

import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curator.documents import decide
from curator.quality.artefact import open_model
from curator.quality.training import Options, train
from curator.stages.quality import Quality

WORDS = {
    "good": "山川湖泊形成于第四纪冰期研究者测量了沉积层的年代结果发表在学报上",
    "poor": "点击下载免费领取红包加微信送优惠券限时特价包邮快来抢购",
    "short": "我们今天去了那里看见很多人他们说明天还会再来天气也不错",
}


def texts(kind: str, count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    letters = list(3 * WORDS[kind] + WORDS["short"])
    return ["".join(random.choice(letters, 80)) for _ in range(count)]


def batch(rows: list[str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": pa.array(rows, pa.string())})


def named(source: str, rows: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"source": [source] * len(rows), "text": rows})


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    options = Options(buckets=1 << 12, features=2000, dimension=4)
    for name, (one, other) in {"edu": ("good", "poor"), "spam": ("poor", "short")}.items():
        train([named("a", texts(one, 200, 1))], [named("b", texts(other, 200, 2))], str(folder / name), options)
    return {name: str(folder / name) for name in ("edu", "spam")}


def test_a_column_a_model(models):
    stage = Quality(models=models)
    rows = [*texts("good", 20, 5), None, "", " \n", "§", *texts("poor", 20, 6)]
    found = stage(batch(rows))
    assert list(found) == list(stage.writes) == ["edu", "spam"]
    assert {column.type for column in found.values()} == {pa.float32()}
    edu, spam = (column.to_pylist() for column in found.values())
    assert edu[20:23] == spam[20:23] == [None] * 3
    assert min(edu[:20]) > max(edu[24:])
    assert max(spam[:20]) < min(spam[24:])
    assert all(0 <= score <= 1 for score in [*edu, *spam] if score is not None)


def test_slices_give_the_same(models):
    stage = Quality(models=models)
    rows = [*texts("good", 9, 5), None, *texts("poor", 9, 6)]
    whole = stage(batch(rows))["edu"]
    for start, size in itertools.product((0, 3, 9), (0, 1, 7)):
        assert stage(batch(rows).slice(start, size))["edu"].equals(whole.slice(start, size))


def test_bounds(models):
    stage = Quality(models=models, keep={"edu": {"min": 0.5}, "spam": {"max": 0.5}})
    docs = batch([*texts("good", 3, 5), *texts("poor", 3, 6), None])
    for name, column in stage(docs).items():
        docs = docs.append_column(f"quality.{name}", column)
    assert decide(docs, stage.rules).to_pylist() == [None] * 3 + ["quality.edu"] * 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"models": {}}, "models: name at least one"),
        ({"models": {"a b": "x"}}, "models: 'a b' must be a name"),
        ({"models": {"a": "x"}, "keep": {"b": {"min": 0.5}}}, "keep: no model 'b'; there are a"),
        ({"models": {"a": "x"}, "keep": {"a": {}}}, "keep: a: bounds are min and max"),
        ({"models": {"a": "x"}, "keep": {"a": {"least": 0.5}}}, "keep: a: bounds are min and max"),
        ({"models": {"a": "x"}, "keep": {"a": {"min": 1.5}}}, "keep: a: bounds are min and max"),
    ],
)
def test_slips(options, said):
    with pytest.raises(ValueError, match=said):
        Quality(**options)


def test_files_are_those_of_all_models(models):
    assert [Path(path).name for path in Quality(models=models).files()] == ["model.ftz", "manifest.json"] * 2


def test_a_broken_model_is_found_before_a_run(models, tmp_path):
    (tmp_path / "model.ftz").write_bytes(Path(models["edu"], "model.ftz").read_bytes()[:-1])
    (tmp_path / "manifest.json").write_bytes(Path(models["edu"], "manifest.json").read_bytes())
    with pytest.raises(ValueError, match=r"models: .*model\.ftz: \d+ bytes, and its manifest says"):
        Quality(models={"edu": str(tmp_path)}).check()
    with pytest.raises(ValueError, match=r"models: .*no quality model"):
        Quality(models={"edu": str(tmp_path / "none")}).check()


def test_scores_are_probabilities_of_the_model(models):
    column = pa.array(texts("good", 5, 7))
    model = open_model(models["edu"])
    expected = 1 / (1 + np.exp(-(model.slope * model.scorer.logits(column) + model.intercept)))
    assert Quality(models=models)(batch(column.to_pylist()))["edu"].to_pylist() == pytest.approx(expected, rel=1e-6)


def test_the_command_and_a_run(tmp_path):
    """From files to a model by the command, and from the model to what a run keeps, by bounds and by a filter."""
    from typer.testing import CliRunner

    from curator.cli import app

    for kind in ("good", "poor"):
        rows = [{"text": text, "label": kind} for text in texts(kind, 150, 11)]
        (tmp_path / f"{kind}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    both = (tmp_path / "good.jsonl").read_text() + "\n" + (tmp_path / "poor.jsonl").read_text()
    (tmp_path / "both.jsonl").write_text(both)
    given = ["--positive", f"fine={tmp_path}/good.jsonl", "--negative", f"{tmp_path}/both.jsonl::label=poor"]
    small = ["--set", "options.buckets=4096", "--set", "options.features=2000"]
    made = CliRunner().invoke(app, ["quality", "train", *given, "--to", f"{tmp_path}/model", *small])
    assert made.exit_code == 0, made.output
    assert "AUC on held-out documents" in made.output
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_bytes())
    assert manifest["inputs"]["positive"]["fine"]["records"]["documents"] == 150
    assert manifest["inputs"]["negative"]["negative_1"]["files"][0]["sha256"]
    assert CliRunner().invoke(app, ["quality", "show", f"{tmp_path}/model"]).output in made.output

    (tmp_path / "quality_filter.yaml").write_text("document:\n  quality.edu: {min: 0.5}\n")
    (tmp_path / "recipe.yaml").write_text(
        f"name: q\nsources: {{all: {{read: jsonl, from: {tmp_path}/both.jsonl}}}}\n"
        f"stages:\n  - quality: {{models: {{edu: {tmp_path}/model}}}}\n"
        f"  - filter: {tmp_path}/quality_filter.yaml\noutput: {tmp_path}/out\n"
    )
    run = CliRunner().invoke(app, ["run", f"{tmp_path}/recipe.yaml", "--on", "inline"])
    assert run.exit_code == 0, run.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert json.dumps(summary).count("quality_filter.quality.edu")
    slip = CliRunner().invoke(app, ["plan", f"{tmp_path}/recipe.yaml", "--set", "stages.0.quality.models.edu=/none"])
    assert slip.exit_code == 2
    assert "recipe.yaml:4" in slip.output
    assert "no quality model" in slip.output


def test_commands_say_what_is_wrong(tmp_path):
    from typer.testing import CliRunner

    from curator.cli import app

    (tmp_path / "few.jsonl").write_text('{"text": "短"}\n')
    few = str(tmp_path / "few.jsonl")
    to = ["--to", str(tmp_path / "m")]
    for given, said in [
        (["--positive", few, "--negative", few], "positive: 0 different documents"),
        (["--positive", few], "negative: names no documents"),
        (["--positive", few, "--negative", few, "--set", "options.ngrams=9"], "ngrams: 9 is not from 1 to 5"),
        (["--positive", few, "--negative", few, "--group-by", "site"], "'site' is not one of"),
        (["--positive", str(tmp_path / "none.jsonl"), "--negative", few], "nothing matches"),
        (["no_such_recipe"], "no_such_recipe"),
    ]:
        found = CliRunner().invoke(app, ["quality", "train", *given, *to])
        assert found.exit_code in (1, 2), found.output
        assert said in found.output
        assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("name", ["zh_quality", "zh_spam", "educational"])
def test_shipped_recipes_load(name):
    from curator.quality.recipe import load

    recipe = load(name, ["options.seed=7"], ["mine=x.jsonl"], ["y/*.txt"])
    assert recipe.options.seed == 7
    assert recipe.positive.pop("mine").patterns == ("x.jsonl",)
    assert recipe.negative.pop("negative_1").patterns == ("y/*.txt",)
    assert recipe.positive
    assert recipe.negative
