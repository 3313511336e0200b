"""`decontaminate`: what is found of evaluation items, whatever it is dressed in, and what is not."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from curator.config import ConfigError, build, parse
from curator.documents import decide
from curator.stages import STAGES
from curator.stages import decontaminate_match as match
from curator.stages.decontaminate import Decontaminate, told_apart
from curator.stages.decontaminate_items import Item, find, read_items
from curator.stages.decontaminate_units import ALONE_WEIGHT, WORD_WEIGHT, units

QUESTION = "在农业生产中被当作极其重要的劳动对象发挥作用，最主要的不可替代的基本生产资料是"
MARKET = "Janet's ducks lay 16 eggs per day and she sells the remainder at the farmers' market for $2 per fresh egg."
TEMPLATE = "下列说法正确的是"
ISLAND = "我国面积最大的岛屿是"
ISLANDS = ("台湾岛屿", "海南岛屿", "崇明岛屿", "舟山岛屿")
CARRIER = "今天的天气很好，我们一起去公园散步，看见了许多花。" * 4


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., Decontaminate]:
    """The stage over two small sets."""
    rows = [
        ["", "Question", "A", "B", "C", "D", "Answer"],
        ["0", QUESTION, "农业生产工具", "土地", "劳动力", "资金", "B"],
        ["1", TEMPLATE, "所有的天鹅都是白色的动物", "没有一只天鹅是白色的动物", "白色的动物不都是天鹅", "以上都对", "C"],
        ["2", ISLAND, *ISLANDS, "A"],
        ["3", "马克思主义", "对", "错", "都对", "都错", "A"],
    ]
    (tmp_path / "exam.csv").write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    (tmp_path / "sums.jsonl").write_text(json.dumps({"question": MARKET, "answer": "18"}) + "\n", encoding="utf-8")
    against = {"exam": (f"{tmp_path}/*.csv",), "sums": (f"{tmp_path}/*.jsonl",)}
    return lambda **options: Decontaminate(**{"against": against, **options})


def held(stage: Decontaminate, *texts: str | None) -> list[list[str]]:
    """The items that are found in each text."""
    found = stage(pa.record_batch({"text": pa.array(texts, pa.string())}))["found"].to_pylist()
    return [json.loads(value) if value else [] for value in found]


# ------------------------------------------------------------------------------------------------------------ the stage


def test_a_question_is_found_inside_a_page(stage):
    exam, sums = "exam/exam.csv:1", "sums/sums.jsonl:1"
    assert held(stage(), CARRIER + QUESTION + CARRIER, f"{CARRIER}{MARKET}{CARRIER}", CARRIER) == [[exam], [sums], []]


@pytest.mark.parametrize(
    "dressed",
    [
        " ".join(QUESTION),
        QUESTION.replace("，", "").replace("的", "\n的"),
        "在農業生產中被當作極其重要的勞動對象發揮作用,最主要的不可替代的基本生產資料是",
        MARKET.upper().replace(" ", "\n\t"),
        "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in MARKET),
        MARKET.replace("'", "’").replace("$2", "2").replace("Janet", "Ja\u0301net"),
        QUESTION[:14] + "可" + QUESTION[15:] + "土地",
        QUESTION + "".join(random.Random(1).sample(["资金", "劳动力", "农业生产工具", "土地"], 4)),
    ],
)
def test_it_is_found_in_other_dress(stage, dressed):
    assert held(stage(), CARRIER + dressed + CARRIER) != [[]]


def test_stock_phrases_and_parts_are_not_items(stage):
    innocent = [
        TEMPLATE,
        f"{TEMPLATE}：地球是圆的。{TEMPLATE}：水是湿的。" * 20,
        ISLAND + "台湾岛。",
        "马克思主义" * 30 + "对错都对都错",
        QUESTION[:19],
        QUESTION[:19] + CARRIER * 5 + QUESTION[19:],
        "she sells the remainder at the farmers' market",
    ]
    assert held(stage(), *innocent) == [[]] * len(innocent)


def test_short_questions_are_found_with_their_choices(stage):
    whole = ISLAND + "（）\nA." + "\nB.".join(ISLANDS)
    shuffled = ISLAND + "\n1、".join(reversed(ISLANDS))
    template = (
        f"3. {TEMPLATE}（ ）\nA．没有一只天鹅是白色的动物 B．所有的天鹅都是白色的动物 C．白色的动物不都是天鹅 D．以上都对"
    )
    assert held(stage(), whole, CARRIER + shuffled + CARRIER, CARRIER + template) == [
        ["exam/exam.csv:3"], ["exam/exam.csv:3"], ["exam/exam.csv:2"]
    ]  # fmt: skip
    assert held(stage(), ISLAND + CARRIER * 5 + "\n".join(ISLANDS)) == [[]], "far from each other"
    assert told_apart(stage()) == {"exam": (4, 3), "sums": (1, 1)}


def test_the_columns_and_the_reason(stage):
    one = stage()
    docs = pa.record_batch({"text": pa.array([QUESTION + MARKET, None, "", QUESTION[:24], MARKET])})
    found = one(docs)
    assert {key: column.type for key, column in found.items()} == dict(one.writes)
    assert found["exam"].to_pylist() == [1, None, 0, 0, 0]
    assert found["sums"].to_pylist() == [1, None, 0, 0, 1]
    assert found["exam.covered"].to_pylist() == [1.0, None, None, pytest.approx(23 / 38), None]
    assert found["exam.longest"].to_pylist() == [38, None, None, 23, None]
    judged = pa.record_batch({f"decontaminate.{k}": v for k, v in found.items()})
    within = pa.array([True, False, True, True, True])  # the engine judges no document without a text
    assert decide(judged, one.rules, within).to_pylist() == ["decontaminate.exam", None, None, None, "decontaminate.sums"]


def test_an_alias_qualifies_the_reasons(stage):
    assert [rule.reason for rule in stage(name="tests").rules] == ["tests.exam", "tests.sums"]


def test_overlap_and_ngram_are_bounds(stage):
    text = QUESTION[:26]
    assert held(stage(), text) == [[]]
    assert held(stage(overlap=0.6), text) == [["exam/exam.csv:1"]]
    assert held(stage(overlap=0.6, ngram=20), text) == [[]]


def test_the_first_items_are_named(tmp_path):
    lines = [json.dumps({"question": f"{n} {MARKET}"}) for n in range(30)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    found = Decontaminate(against={"many": (f"{tmp_path}/many.jsonl",)})(pa.record_batch({"text": pa.array([MARKET])}))
    assert found["many"].to_pylist() == [0], "what more than 16 questions share is a stock phrase"


@given(st.lists(st.none() | st.sampled_from([QUESTION, MARKET, CARRIER, ISLAND]), max_size=5), st.integers(0, 3))
def test_slices_nulls_and_neighbours_change_nothing(stage_of_module, texts, skipped):
    alone = [held(stage_of_module, text)[0] for text in texts]
    docs = pa.record_batch({"text": pa.array([QUESTION] * skipped + list(texts) + [MARKET], pa.string())})
    found = stage_of_module(docs.slice(skipped, len(texts)))["found"].to_pylist()
    assert [json.loads(value) if value else [] for value in found] == alone


@pytest.fixture(scope="module")
def stage_of_module(tmp_path_factory: pytest.TempPathFactory) -> Decontaminate:
    folder = tmp_path_factory.mktemp("sets")
    (folder / "a.jsonl").write_text(json.dumps({"question": QUESTION}) + "\n" + json.dumps({"question": MARKET}) + "\n")
    return Decontaminate(against={"a": (f"{folder}/a.jsonl",)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"against": {}}, "names no evaluation set"),
        ({"against": {"no set": ("x",)}}, "'no set' must be letters"),
        ({"against": {"found": ("x",)}}, "and not `found`"),
        ({"against": {"gone": ("/nowhere/*.csv",)}}, "against: nothing matches"),
        ({"ngram": 3}, "ngram: 3 words"),
        ({"overlap": 0.0}, "overlap: 0.0"),
        ({"fields": {"other": ("q",)}}, "'other' must be a set"),
        ({"fields": {"exam": ("Frage",)}}, "record 1 has no field 'Frage'; it has"),
    ],
)
def test_options_that_make_no_sense(stage, options, message):
    with pytest.raises(ValueError, match=message):
        stage(**options)


def test_from_yaml(stage, tmp_path):
    stage()
    section = parse(f"against: {{sums: '{tmp_path}/*.jsonl'}}\nfields: {{sums: question}}", "recipe.yaml")
    assert build(Decontaminate, section).fields == {"sums": ("question",)}
    with pytest.raises(ConfigError, match=r"recipe\.yaml:1: against: nothing matches"):
        build(Decontaminate, parse("against: {a: nothing-here.csv}", "recipe.yaml"))


def test_it_is_registered():
    assert STAGES["decontaminate"] is Decontaminate


# ---------------------------------------------------------------------------------------------------------------- items


def test_formats(tmp_path):
    rows = [{"question": "第一,个\n问题", "A": "甲", "B": "乙"}, {"question": "second one", "A": "x", "B": None}]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    table = '\ufeffquestion,A,B\n"第一,个\n问题",甲,乙\nsecond one,x,\n'.encode()
    files = {
        "a.jsonl": lines, "b.csv": table, "c.tsv": table.replace(b",", b"\t").replace("一\t个".encode(), "一,个".encode()),
        "d.json": json.dumps({"keys": "x", "all": rows}).encode(), "e.json": json.dumps(rows).encode(),
        "f.jsonl.gz": gzip.compress(lines), "g.csv.bz2": bz2.compress(table), "h.jsonl.xz": lzma.compress(lines),
        "i.jsonl.zst": zstandard.compress(lines),
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "j.parquet")
    for file in find([str(tmp_path)]):
        found = read_items(file, ())
        assert [(i.name, i.question, tuple(filter(None, i.choices))) for i in found] == [
            (f"{file.name}:1", "第一,个\n问题", ("甲", "乙")), (f"{file.name}:2", "second one", ("x",))
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", b'{"question": "x"}\n[1]\n', "record 2 is no object"),
        ("a.json", b"[1, 2]", "record 1 is no object"),
        ("a.jsonl", b'{"question":', "unexpected end of data"),
        ("a.csv", b"question,A\nWhich of a, b and c,b\n", "record 1 has more cells than the first line"),
        ("a.csv", b"question,A\n\xff\xfe,b\n", "codec can't decode"),
        ("a.parquet", b"PAR1", "Parquet"),
        ("a.jsonl.gz", gzip.compress(b'{"question": "x"}\n', mtime=0)[:-9], "ended before"),
        ("a.jsonl.xz", lzma.compress(b'{"question": "x"}\n')[:-20], "ended before"),
        ("a.jsonl.bz2", b"BZh9 no", "Invalid data"),
        ("a.jsonl.zst", zstandard.compress(b'{"question": "x"}\n' * 9000)[:-3], "ended before"),
    ],
)
def test_a_set_that_cannot_be_read_is_named(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"{re.escape(str(path))}: .*{message}"):
        read_items(find([str(path)])[0], ())


def test_choices_in_a_list_or_mapping_and_fields_by_name(tmp_path):
    records = [{"id": 1, "Prompt": "p", "choices": {"text": ["a", "b"], "label": ["A", "B"]}}, {"id": 2, "prompt": ["x", "y"]}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, records)))
    (file,) = find([str(tmp_path)])
    assert read_items(file, ()) == [Item("a.jsonl:1", "p", ("a", "b", "A", "B")), Item("a.jsonl:2", "x\ny", ())]
    assert read_items(file, ("id",)) == [Item("a.jsonl:1", "1", ()), Item("a.jsonl:2", "2", ())]
    (tmp_path / "b.txt").write_text("no")
    with pytest.raises(ValueError, match=r"is not \.csv"):
        read_items(find([f"{tmp_path}/b.txt"])[0], ())


# ---------------------------------------------------------------------------------------------------------------- units


def unit_strings(text: str) -> list[str]:
    """What units stand for, by Python's own tables; Chinese variants aside."""
    found, word = [], ""
    for character in text:
        hangul = "가" <= character <= "힣"
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
        for c in character if hangul else decomposed:
            kind = unicodedata.category(c)
            if kind in ("Mn", "Me", "Cf"):
                continue
            alone = kind[0] in "LMN" and kind != "Nd" and re.match(r"[\u0e00-\u0eff\u2e80-\u31ff\u3400-\u9fff]", c)
            if kind[0] in "LMN" and not alone:
                word += c
                continue
            found += [word] if word else []
            word = ""
            found += [c] if alone else []
    return found + ([word] if word else [])


def read(*texts: str) -> list[tuple[list[int], list[int]]]:
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)])
    found = units(np.frombuffer(b"".join(encoded) or b"\0", np.uint8), ends[:-1], ends[1:])
    cuts = list(zip(found.bounds, found.bounds[1:], strict=False))
    return [(found.hashes[a:b].tolist(), found.weights[a:b].tolist()) for a, b in cuts]


@example("¼", "")
@given(st.text(st.sampled_from("aB1é́ﬁ½㎏.,' \nか\u3099一二ไทยİßＡ１한글\u200b()…𝒜"), max_size=20), st.text(max_size=10))
def test_units_are_those_of_the_reference(one, other):
    for text in (one, other if not re.search(r"[\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\uf900-\U0003ffff]", other) else ""):
        expected = unit_strings(text)
        hashes, weights = read(text)[0]
        assert weights == [ALONE_WEIGHT if re.match(r"[\u0e00-\u0eff\u2e80-\u9fff]", u) else WORD_WEIGHT for u in expected]
        if not re.search(r"[\u3400-\u9fff]", text):
            assert [expected.index(u) for u in expected] == [hashes.index(h) for h in hashes]


@pytest.mark.parametrize(
    ("one", "other"),
    [("臺灣的軟體", "台湾的软体"), ("ＡＢＣ　１２", "abc 12"), ("café", "cafe\u0301"), ("Straße", "STRASSE"),
     ("㎏ ﬁx", "kg fix"), ("don't", "don’t"), ("が", "か\u3099"), ("⼀⽣", "一生")],
)  # fmt: skip
def test_the_same_units(one, other):
    assert read(one) == read(other)


# ---------------------------------------------------------------------------------------------------------- the matching


def expected(text: list[int], weights: list[int], parts: list[list[int]], part_weights, ngram: int, overlap: float) -> tuple:
    """By brute force, of one item: covered share of the question, longest match, is it there. None if nothing matches."""
    question_weight, whole = sum(part_weights[0]), sum(map(sum, part_weights))
    matches = []
    for p, part in enumerate(parts):
        seed = match.SHORT_SEED if p == 0 and len(part) < match.SEED else match.SEED
        if p and question_weight >= ngram:
            continue
        for i in range(len(text)):
            for j in range(len(part)):
                if i and j and text[i - 1] == part[j - 1]:
                    continue  # a longer match holds it
                n = 0
                while i + n < len(text) and j + n < len(part) and text[i + n] == part[j + n]:
                    n += 1
                if n >= seed and (sum(part_weights[p][j : j + n]) >= match.LEAST_MATCH or n == len(part)):
                    matches.append((i, p, j, n))
    if not matches:
        return ()
    near = 2 * sum(map(len, parts)) + 50
    best, longest, hit = 0, max(n for *_, n in matches), False
    groups: list[list[tuple[int, int, int, int]]] = []
    stop = 0
    for one in sorted(matches):
        if not groups or one[0] - stop > near:
            groups.append([])
            stop = one[0]
        groups[-1].append(one)
        stop = max(stop, one[0] + one[3])
    for group in groups:
        inside = {(0, k) for _, p, j, n in group if p == 0 for k in range(j, j + n)}
        covered = sum(part_weights[0][k] for _, k in inside)
        best = max(best, covered)
        heaviest = max((sum(part_weights[0][j : j + n]) for _, p, j, n in group if p == 0), default=0)
        hit |= heaviest >= ngram and covered >= overlap * question_weight
        if hit or whole < ngram or len(parts) < 3:
            continue
        begin, end = max(0, group[0][0] - near), min(len(text), max(i + n for i, _, _, n in group) + near)
        window = text[begin:end]
        there = [bool(part) and any(window[i : i + len(part)] == part for i in range(len(window))) for part in parts]
        covered = question_weight if there[0] else covered
        covered += sum(sum(w) for w, t in zip(part_weights[1:], there[1:], strict=True) if t)
        hit |= sum(there[1:]) >= 2 and covered >= ngram and covered >= overlap * whole
    return best / question_weight if question_weight else 0.0, longest, hit


LETTERS = st.sampled_from("甲乙丙 a b ")


@given(
    st.lists(st.text(LETTERS, min_size=1, max_size=40), min_size=1, max_size=5),
    st.text(LETTERS, max_size=30),
    st.lists(st.integers(0, 7), max_size=14),
    st.sampled_from([8, 13]),
    st.sampled_from([0.5, 0.7, 1.0]),
)
def test_matching_is_that_of_brute_force(parts, filler, order, ngram, overlap):
    pool = [*parts, filler, "丁" * 60, " c"]
    text = "".join(pool[n % len(pool)] for n in order)
    table = match.build([Item("x", parts[0], tuple(parts[1:]))], ngram, most_shared=1 << 20)
    encoded = text.encode()
    ends = np.array([0, len(encoded)])
    found = match.search(table, np.frombuffer(encoded or b"\0", np.uint8), ends[:-1], ends[1:], ngram, overlap)
    (hashes, weights), *of_parts = read(text, *parts)
    wanted = expected(hashes, weights, [h for h, _ in of_parts], [w for _, w in of_parts], ngram * WORD_WEIGHT, overlap)
    got = [(pytest.approx(float(c), abs=1e-6), int(n), bool(h)) for c, n, h in zip(found.covered, found.longest, found.hits)]
    assert got == ([wanted] if wanted else [])


def test_hostile_repetition_stays_linear():
    """One seed at many places of a question is a stock phrase, and a text of nothing else costs no more than another."""
    table = match.build([Item("x", "甲" * 5000, ()), Item("y", "乙" * 12 + "丙", ())], 13)
    text = ("甲" * 200_000 + "乙" * 200_000).encode()
    ends = np.array([0, len(text)])
    assert len(match.search(table, np.frombuffer(text, np.uint8), ends[:-1], ends[1:], 13, 0.7).rows) <= 2


# ------------------------------------------------------------------------------------------------------------ real sets


@pytest.fixture(scope="module")
def data() -> Path:
    folder = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the data sets"
    return folder


@pytest.fixture(scope="module")
def real(data: Path) -> Decontaminate:
    sets = {"cmmlu": "cmmlu/*/*.csv", "gsm8k": "gsm8k/*.jsonl", "humaneval": "humaneval/*.gz"}
    return Decontaminate(against={name: (f"{data}/bench/{glob}",) for name, glob in sets.items()})


def carriers(data: Path, name: str) -> list[str]:
    return [json.loads(line)["text"] for line in (data / "text" / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.data
def test_text_that_is_not_contaminated_passes(data, real):
    names = ["hplt_raw_zh_web", "zhwiki_paragraphs_hans_cmrc2018", "zhwiki_paragraphs_hant_drcd", "zh_academic_abstracts_csl"]
    texts = [text for name in names for text in carriers(data, f"{name}.jsonl")]
    assert sum(map(bool, held(real, *texts))) <= len(texts) // 1000


@pytest.mark.data
def test_real_items_are_found_in_pages(data, real):
    from opencc import OpenCC

    draw, traditional = random.Random(3), OpenCC("s2t")
    pages = carriers(data, "hplt_raw_zh_web.jsonl")

    def dressed(item: Item, how: str) -> str:
        choices = draw.sample(item.choices, len(item.choices)) if how == "shuffled" else list(item.choices)
        text = "\n".join([item.question, *(f"{letter}. {c}" for letter, c in zip("ABCDEFG", choices))])
        if how == "traditional":
            text = traditional.convert(text)
        if how == "wide":
            text = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text).replace("，", " ")
        page = draw.choice(pages)
        at = draw.randrange(len(page) + 1)
        return f"{page[:at]}\n{text}\n{page[at:]}"

    tellable = told_apart(real)
    for name, patterns in real.against.items():
        items = [item for file in find(patterns) for item in read_items(file, ())]
        chosen = draw.sample(items, min(300, len(items)))
        share = tellable[name][1] / tellable[name][0]
        for how in ("verbatim", "shuffled", "traditional", "wide"):
            found = held(real, *(dressed(item, how) for item in chosen))
            recall = sum(f"{name}/{item.name}" in each for item, each in zip(chosen, found, strict=True)) / len(chosen)
            assert recall >= share - 0.03, (name, how, recall)
