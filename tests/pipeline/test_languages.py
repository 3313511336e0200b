"""Codes of languages in a recipe: a slip is an error with the code that was meant; what only a user can know is a note."""

from __future__ import annotations

from pathlib import Path

import pytest

from curator.engine.executor import Inline
from curator.pipeline.load import RecipeErrors, load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch
from curator.stages.labels import known_codes

RECIPE = """
name: codes
sources:
  web: {{read: jsonl, from: {folder}/web.jsonl}}
stages:
{stages}
output: {folder}/out
"""


@pytest.fixture
def recipe(tmp_path: Path):
    (tmp_path / "web.jsonl").write_text('{"text": "天气很好，我们去公园。", "language": "zh"}\n', encoding="utf-8")

    def load(*stages: str, more: str = ""):
        path = tmp_path / "codes.yaml"
        path.write_text(RECIPE.format(folder=tmp_path, stages="\n".join(f"  - {each}" for each in stages)) + more)
        return load_recipe(str(path))

    return load


def filtered(tmp_path: Path, rule: str) -> str:
    (tmp_path / "mine.yaml").write_text(f"document:\n  {rule}\n")
    return f"filter: {tmp_path}/mine.yaml"


@pytest.mark.parametrize(
    ("code", "meant"),
    [("zhh", "Did you mean 'zh'"), ("cmn", "It is 'zh' here"), ("zh-Hant", "It is 'zh' here"), ("ZH", "It is 'zh' here")],
)
def test_a_code_that_no_document_can_have_is_an_error_at_its_line(recipe, tmp_path, code, meant) -> None:
    rule = filtered(tmp_path, f"language: {{in: [en, {code}]}}")
    with pytest.raises(RecipeErrors, match=rf"codes.yaml:7: mine: {code!r} is no language that 'language' can hold.*{meant}"):
        recipe("language", rule)
    with pytest.raises(RecipeErrors, match=rf"codes.yaml:8: where: {code!r} is no .*{meant}"):
        recipe("language", f"normalize: {{}}\n    where: {{language: [{code}]}}")


def test_codes_of_the_model_and_of_the_characters_are_all_right(recipe, tmp_path) -> None:
    known = filtered(tmp_path, "language: {in: [zh, yue, lzh, wuu, hak, und, en, ceb]}")
    assert recipe("language", known).notes == []
    assert recipe("language: {as: early}", filtered(tmp_path, "early.language: {in: [zh]}")).notes == []
    with pytest.raises(RecipeErrors, match=r"'zzz' is no language that 'early\.language' can hold"):
        recipe("language: {as: early}", filtered(tmp_path, "early.language: {in: [zzz]}"))


def test_languages_of_the_documents_themselves_are_their_users_to_know(recipe, tmp_path) -> None:
    loaded = recipe(filtered(tmp_path, "language: {in: [zhh]}"))
    (note,) = loaded.notes
    assert "'zhh' is no language that 'language' is known to hold: only a model or documents of your own may" in note

    class Noted(Watch):
        said: list[str] = []  # noqa: RUF012

        def note(self, line: str) -> None:
            self.said.append(line)

    run(loaded, Inline(), Noted())
    assert Noted.said[0] == note


def test_parts_of_a_mixture_name_languages_too(recipe) -> None:
    part = "{source: web, language: zhh, weight: 1}"
    more = f"tokenize: {{tokenizer: zh_en_4k, sequence_length: 64}}\nmixture: {{weights: {{a: {part}}}}}\n"
    with pytest.raises(RecipeErrors, match=r"mixture: a: 'zhh' is no language .*Did you mean 'zh'"):
        recipe("language", more=more)


def test_models_of_perplexity_are_by_language(recipe) -> None:
    model = Path(__file__).parents[2] / "pipelines" / "quickstart" / "models" / "lm_zh"
    assert recipe("language", f"perplexity: {{models: {{zh: {model}}}}}").notes == []
    with pytest.raises(RecipeErrors, match=r"perplexity: 'zhh' is no language .*Did you mean 'zh'"):
        recipe("language", f"perplexity: {{models: {{zhh: {model}}}}}")


def test_known_codes_are_those_that_labels_come_to() -> None:
    assert {"zh", "yue", "lzh", "und", "en", "ja"} <= known_codes()
    assert not known_codes() & {"cmn", "zho", "eng"}
