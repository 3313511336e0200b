"""Presidio beside ours: its recognisers under its names, ours in its engine, names by a model. Every value is invented."""

import pyarrow as pa
import pytest
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerResult
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from curator.privacy import ENTITIES, FOREIGN, find
from curator.privacy.people import load
from curator.privacy.presidio import registry


def test_recognisers_of_presidio_under_their_names() -> None:
    texts = pa.array(["账号GB82WEST12345698765432，SSN 460-89-9847\n第二行 460-89-9847", None, "电话13812345678", "无"])
    found = find(texts, ["IBAN_CODE", "US_SSN", "phone"])
    assert [(texts[0].as_py()[start:end], name) for start, end, name in found[0]] == [
        ("GB82WEST12345698765432", "IBAN_CODE"),
        ("460-89-9847", "US_SSN"),
        ("460-89-9847", "US_SSN"),
    ]
    assert found[1:] == [[], [(2, 13, "phone")], []]
    assert find(texts.slice(2), ["US_SSN", "phone"]) == found[2:]


def test_presidio_has_a_recogniser_for_every_name() -> None:
    assert find(pa.array(["12 x"]), list(FOREIGN)) == [[]]


def test_ours_in_the_engine_of_presidio() -> None:
    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"zh": spacy.blank("zh"), "en": spacy.blank("en")}

    ours = registry()
    assert len(list(ours.recognizers)) == 2 * len(ENTITIES)
    engine = AnalyzerEngine(registry=ours, nlp_engine=Blank(), supported_languages=["zh", "en"])
    text = "邮箱zhang.san@163.com请联系，电话13812345678"
    results: list[RecognizerResult] = engine.analyze(text, language="zh")
    assert sorted((r.entity_type, text[r.start : r.end]) for r in results) == [
        ("EMAIL_ADDRESS", "zhang.san@163.com"),
        ("PHONE_NUMBER", "13812345678"),
    ]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A model that knows one name, and one that knows only places."""
    folders = {}
    for name, label in (("people", "PERSON"), ("places", "GPE")):
        nlp = spacy.blank("zh")
        nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": "张三丰"}])  # pyright: ignore[reportFunctionMemberAccess]
        folders[name] = str(tmp_path_factory.mktemp(name))
        nlp.to_disk(folders[name])
    return folders


def test_people_are_found_by_the_model_that_is_given(models: dict[str, str]) -> None:
    texts = pa.array(["张三丰的邮箱a@b.cn", None, "", "李四"])
    assert find(texts, ["person", "email"], ner=models["people"]) == [[(0, 3, "person"), (6, 12, "email")], [], [], []]


def test_a_model_that_finds_no_people_is_refused(models: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="finds no people; it has GPE"):
        load(models["places"])
