"""One document against filters: what is shown is what the engine would decide."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.config import ConfigError
from curator.documents import decide
from curator.stages.filter import Filter
from curator.tuning.changes import read_change
from curator.tuning.reading import read_document
from curator.tuning.scoring import as_batch, every_metric, load_filters, score

PROSE = "今天的天气很好，我们去公园散步，看到了很多花。孩子们在草地上跑来跑去，笑声传得很远。" * 4


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["中文的句子，", "abc ", "123", "\n", "，", "的"]), max_size=40).map("".join))
def test_the_reason_is_what_the_engine_decides(text):
    stage = Filter.load("zh_web")
    (scored,) = score({"text": text}, [stage])
    docs = as_batch({"text": text})
    for key, column in stage(docs).items():
        docs = docs.append_column(f"zh_web.{key}", column)
    assert scored.reason == decide(docs, stage.rules)[0].as_py()
    assert not scored.unknown


def test_lines_that_are_cut_are_named_and_later_filters_do_not_see_them(folder):
    text = PROSE + "\n12345 67890\n" + PROSE + "\n\n333"
    first, second = score({"text": text}, load_filters([str(folder / "mine.yaml"), "zh_web"], None))
    assert [(line.number, line.text, line.name) for line in first.cut] == [
        (2, "12345 67890", "digit_ratio"),
        (5, "333", "digit_ratio"),
    ]
    assert first.lines == 4
    assert {s.name: s.value for s in second.rules}["chars"] == 2 * len(PROSE) + 1


def test_what_other_stages_measure_is_not_known_here():
    (scored,) = score({"text": PROSE}, load_filters(["zh_language"], None))
    assert scored.unknown == ["language", "language.zh_score"]
    assert scored.reason is None
    document = {"text": PROSE, "language": "en", "language.zh_score": 0.1}
    (scored,) = score(document, load_filters(["zh_language"], None))
    assert (scored.reason, scored.unknown) == ("zh_language.language", [])


def test_metadata_and_addresses_are_judged_where_there_are_any(folder, tmp_path):
    (tmp_path / "bad.txt").write_text("bad.example\n")
    (tmp_path / "own.yaml").write_text(
        "document:\n"
        f"  blocked: {{metric: listed_domains, list: {tmp_path}/bad.txt, max: 0}}\n"
        "  metadata.generated: {is: false}\n"
    )
    filters = load_filters([str(tmp_path / "own.yaml")], None)
    assert score({"text": "x"}, filters)[0].unknown == ["blocked", "metadata.generated"]
    (scored,) = score({"text": "x", "url": "http://www.bad.example/a", "metadata": {"generated": False}}, filters)
    assert [(s.value, s.passes) for s in scored.rules] == [(1, False), (False, True)]


def test_changes_reach_the_filters_that_they_name():
    change = read_change(["han_ratio={min: 0.99}", "en_web.words=off"])
    chinese, english = load_filters(["zh_web", "en_web"], change)
    assert [rule.min for rule in chinese.rules if rule.reason == "zh_web.han_ratio"] == [0.99]
    assert "en_web.words" not in [rule.reason for rule in english.rules]
    with pytest.raises(ConfigError, match=r"Did you mean 'zh_web\.han_ratio'"):
        load_filters(["zh_web", "en_web"], read_change(["zh_web_han_ratio=off"]))
    with pytest.raises(ConfigError, match="Did you mean 'han_ratio'"):
        load_filters(["zh_web"], read_change(["hann_ratio=off"]))


def test_a_change_gives_a_filter_the_lists_that_it_wants(tmp_path):
    (tmp_path / "mine.txt").write_text("example.com\n")
    change = read_change([f"{{blocked_domains: {{list: {tmp_path}/mine.txt}}, blocked_urls: off}}"])
    (scored,) = score({"text": PROSE, "url": "https://www.example.com/1"}, load_filters(["url"], change))
    assert scored.reason == "url.blocked_domains"


@pytest.mark.parametrize("text", ["han_ratio={min:0.6}", "{han_ratio:{min: 0.6}}"])
def test_a_space_that_is_missing_is_named(text):
    with pytest.raises(ConfigError, match="--change:1"):
        load_filters(["zh_web"], read_change([text]))


def test_every_metric_is_measured():
    found = every_metric({"text": PROSE})
    assert found["chars"] == len(PROSE)
    assert found["han_ratio"] == pytest.approx(0.9, abs=0.1)
    assert "phrases" not in found, "it needs a list"


def test_documents_are_read_from_files_of_many_kinds(tmp_path, monkeypatch):
    rows = [{"id": f"d{n}", "text": f"text {n}", "language": "zh"} for n in range(3)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=2)
    (tmp_path / "a.txt").write_bytes("\ufeff行\r\n行\xff".encode("utf-8"))
    for name in ("a.jsonl", "a.parquet"):
        path = str(tmp_path / name)
        assert read_document(path, row=2)["text"] == "text 2"
        assert read_document(path, key="d1") == rows[1]
        for row, key, said in ((None, None, "several"), (9, None, "no row 9; it has"), (None, "d9", "no document 'd9'")):
            with pytest.raises(ConfigError, match=said):
                read_document(path, row, key)
    with pytest.raises(ConfigError, match=r"a.jsonl:4: row 3 is no JSON object"):
        read_document(str(tmp_path / "a.jsonl"), row=3)
    assert read_document(str(tmp_path / "a.txt"))["text"] == "行\n行ÿ"
    for path, said in ((str(tmp_path / "a.txt"), "is one text"), (str(tmp_path / "none.txt"), "no such file")):
        with pytest.raises(ConfigError, match=said):
            read_document(path, row=1)
    (tmp_path / "bad.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_document(str(tmp_path / "bad.parquet"))


def test_packed_files_are_read_by_their_first_bytes_and_damaged_ones_are_named(tmp_path):
    lines = b"".join(b'{"id": "d%d", "text": "%s"}\n' % (n, bytes([97 + n]) * 9) for n in range(3))
    (tmp_path / "a.jsonl.bz2").write_bytes(bz2.compress(lines))
    assert read_document(str(tmp_path / "a.jsonl.bz2"), row=2)["text"] == "c" * 9
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("行".encode()))
    assert read_document(str(tmp_path / "a.txt.gz"))["text"] == "行"
    for name, whole in (("cut.jsonl.gz", gzip.compress(lines.splitlines()[0])), ("cut.txt.xz", lzma.compress(lines))):
        (tmp_path / name).write_bytes(whole[:-9])
        with pytest.raises(ConfigError, match="truncated"):
            read_document(str(tmp_path / name))


@pytest.mark.parametrize("charset", ["gb18030", "big5", "utf-16"])
def test_a_text_in_another_charset_is_read_as_every_source_reads_it(tmp_path, charset):
    text = "這本書的內容很豐富，我們在這裡看到了許多有趣的事情。" * 4
    (tmp_path / "a.txt").write_bytes(text.encode(charset))
    assert read_document(str(tmp_path / "a.txt"))["text"] == text


@pytest.mark.parametrize("value", ["high", True])
def test_a_column_that_a_rule_cannot_judge_is_named(value):
    document = {"text": PROSE, "language": "zh", "language.zh_score": value}
    with pytest.raises(ConfigError, match=f"language.zh_score is {value!r}, and zh_language.language.zh_score judges a number"):
        score(document, load_filters(["zh_language"], None))


def test_a_folder_is_no_document(tmp_path):
    with pytest.raises(ConfigError, match="is a folder: name one of its files"):
        read_document(str(tmp_path))


def test_what_a_rule_measures_names_its_list_and_its_numbers():
    found = {score.name: score.about for score in score({"text": "中文，有逗号。"}, load_filters(["zh_web"], None))[0].rules}
    assert found["gambling"] == "letters inside phrases of gambling_zh / letters"
    assert found["clause_marks"] == "occurrences of phrases of clause_marks / words"
    assert found["short_line_ratio"] == "lines of at most 10 characters / lines"
