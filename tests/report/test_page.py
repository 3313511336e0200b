from __future__ import annotations

import html
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from resiliparse.parse.html import HTMLTree

from curator import storage
from curator.report import page as page_module
from curator.report.page import SECTIONS, write_report

Parts = dict[str, Any]
Build = Callable[[Parts], str]

VOID = {"meta"}
ALLOWED = (
    "html head meta title style body header nav main footer section h1 h2 h3 h4 p small a div span b strong i ul li dl dt dd "
    "code pre table caption thead tbody tfoot tr th td details summary figure figcaption article svg path text circle"
)


class Strict(HTMLParser):
    """Fails on a tag that is not closed, on one that the page never writes, and on an attribute that could load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED.split()
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names)
        assert not [n for n in names if n.startswith("on") or n in ("src", "srcset", "action", "data")]
        for name, value in attrs:
            assert name != "href" or (value or "").startswith("#")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def read(output: str) -> tuple[str, str]:
    """The page's bytes as text, and what a reader sees of it, spaces folded."""
    page = Path(write_report(output)).read_text(encoding="utf-8")
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return page, re.sub(r"\s+", " ", "".join(parser.text))


def of(page: str, section: str) -> str:
    """What stands in a section, cells and words apart by one space."""
    body = page.split(f'<section id="{section}">')[1].split("</section>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def parsed(page: str) -> Any:
    """The page as a browser's parser understands it."""
    return HTMLTree.parse(page).document


def test_the_page_is_one_small_well_formed_file_that_loads_nothing(output: str) -> None:
    page, _ = read(output)
    assert len(page.encode()) < 200_000
    assert "default-src 'none'" in page
    assert not re.search(r"<script|url\(|@import|<link|http-equiv=\"refresh", page)
    tree = parsed(page)
    assert [tree.get_element_by_id(key) is not None for key in SECTIONS] == [True] * len(SECTIONS)
    assert len(tree.get_elements_by_tag_name("h2")) == len(SECTIONS) - 1
    assert len(tree.get_elements_by_tag_name("script")) == 0


def test_hostile_text_is_text(output: str) -> None:
    page, seen = read(output)
    assert "<script>alert(1)</script>" in seen  # as text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;title&lt;/b&gt;" in page
    assert "<title>toy &lt;corpus&gt; · curator report</title>" in page
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200f\x00") & set(page)
    assert "U+202E" in seen
    assert "U+0000" in seen
    assert 'href="http' not in page


def test_private_data_is_replaced_wherever_it_comes_from(output: str) -> None:
    _, seen = read(output)
    for private in ("li.si@example.com", "13912345678", "zhang.san@example.com", "wang.wu@example.com"):
        assert private not in seen
    assert "<EMAIL>" in seen
    assert "<PHONE>" in seen


def test_the_ledger_names_every_reason_with_count_and_share(output: str) -> None:
    page, _ = read(output)
    ledger = of(page, "funnel")
    for line in (
        "records 20 20",
        "no document: request 4 20.0 % 4 20.0 %",
        "unreadable record: corrupt 1 5.0 %",
        "documents 15 75.0 %",
        "early_zh.early.language passes: in zh, en 1 6.7 %",
        "zh_web.chars passes: at least 100 and at most 100,000 3 20.0 %",
        "extract:ValueError a stage failed on it 1 6.7 %",
        "dedup.duplicate 1 6.7 %",
        "kept 9 60.0 %",
        "characters in 5,000",
        "added by extract 500 9.1 %",
        "of rejected documents 1,000 18.2 %",
        "characters kept 4,500 81.8 %",
    ):
        assert line in ledger


def test_what_is_not_well_is_said_first(output: str) -> None:
    page, _ = read(output)
    told = of(page, "headline")
    assert "Problem 1 damaged file" in told
    assert "1 record could not be read (5.0 % of all)" in told
    assert "1 document made a stage fail" in told
    assert "dedup: web loses 60.0% of its documents (60 of 100)." in told
    assert "Tokenizer drift: the pinned vocabulary is of another corpus" in told
    assert "wiki is seen 7.7 times over" in told
    assert told.index("Problem") < told.index("Look at this")
    assert "d1ge57" in told


def test_a_run_without_trouble_is_called_healthy(build_output: Build, parts: Parts) -> None:
    parts["summary"] |= {"damage": [], "dedup": {}, "tokens": None}
    parts["summary"]["sources"]["web"] |= {"records": 13, "documents": 9, "rejected": {}, "errors": {}, "record_errors": {}}
    page, _ = read(build_output(parts | {"rejected": [], "journal": []}))
    assert "Healthy" in of(page, "headline")
    assert "Problem" not in of(page, "headline")
    assert "Nothing was rejected" in of(page, "samples")


def test_documents_that_are_not_accounted_for_are_a_problem(build_output: Build, parts: Parts) -> None:
    parts["summary"]["sources"]["web"]["documents"] = 16
    assert "Problem web: 16 documents came in, 15 are accounted for" in of(read(build_output(parts))[0], "headline")


def test_a_loss_that_does_not_fall_or_is_no_number_is_a_problem(build_output: Build, parts: Parts) -> None:
    for record in parts["journal"]:
        if record["event"] == "train":
            record["loss"] = float("nan") if record["step"] == 10 else 8.0 + record["step"]
    told = of(read(build_output(parts))[0], "headline")
    assert "was not a number" in told
    assert "did not fall: 9.000 at first, 38.000 in the end" in told


def test_samples_say_why_and_stand_in_order_of_distance(output: str) -> None:
    page, _ = read(output)
    shown = of(page, "samples")
    assert "early.language = ru" in shown
    assert "No text: it left before it had one" in shown
    assert shown.index("zh_web.chars = 99") < shown.index("zh_web.chars = 5 ")
    assert "detail = ValueError: cannot read <evil> of <EMAIL>" in shown
    assert f"dedup.cluster = {3:032x}" in shown
    assert "dedup.copies = 2" in shown
    assert shown.count("正文") >= 3 + 3  # kept ones, and rejected ones that have a text


def test_rules_are_plotted_with_their_bounds(output: str) -> None:
    page, _ = read(output)
    drawn = of(page, "rules")
    assert "All documents are counted" in drawn
    assert "where language in zh" in drawn
    assert "min 100" in drawn
    assert "max 100k →" in drawn
    assert "1 of them had no number" in drawn
    assert "zh 9 0 ru 0 1" in drawn
    plots = parsed(page).get_element_by_id("rules").get_elements_by_tag_name("path")
    columns = {path["class"]: path["d"].count("M") for path in plots if path["class"].startswith("f-")}
    assert columns["f-rejected"] == 2  # 99 and 5
    assert columns["f-kept"] >= 2


def test_cut_sentences_are_a_table(build_output: Any, parts: dict[str, Any]) -> None:
    web = {"documents": 20, "spans": 3000, "cut": 45, "share": 0.015}
    parts["summary"]["dedup"] = {"dedup_sentences": {"documents": 20, "spans": 3000, "cut": 45, "sources": {"web": web}}}
    page, _ = read(build_output(parts))
    assert "3,000 spans in 20 documents; 45 cut as copies." in of(page, "dedup")
    assert "web 20 3,000 45 1.5 %" in of(page, "dedup")


def test_spikes_are_a_table_and_a_warning(build_output: Any, parts: dict[str, Any]) -> None:
    spike = {"event": "spike", "step": 10, "at": 14, "loss": 11.25, "limit": 9.5, "checkpoint": "step-00000010"}
    parts["journal"].insert(3, {**spike, "first": 112, "last": 128})
    page, _ = read(build_output(parts))
    assert "14 11.2500 9.5000 step-00000010 112 to 128" in of(page, "training")
    assert "The training loss leapt 1 time" in of(page, "headline")


def test_numbers_of_tokens_time_training_and_dedup(output: str) -> None:
    page, _ = read(output)
    tokens, training, time = of(page, "tokens"), of(page, "training"), of(page, "time")
    assert "75.00 % 70.00 % 70.00 % 17,920 1.45 512" in tokens
    assert "4.20 1.50" in tokens
    assert "train-00000.tokens" in tokens
    assert "first loss 8.9000" in training
    assert "validation loss, web 6.5000" in training
    assert "1 min 15 s" in training
    assert "web 100.00 % 15,360 15,360 100.0 % +0" in training
    assert "Spikes" not in training
    assert "zh_web Filter 0.5 s 10.0 % 1.5 MB 3.00" in time
    assert "1 cluster of near-duplicates among 100 documents; 60 of them removed" in of(page, "dedup")
    assert "bad.warc.gz web the file truncated 777 ends <early>" in of(page, "damage")
    assert "zh 9 100.0 %" in of(page, "languages")


def test_the_same_output_gives_the_same_bytes(output: str) -> None:
    first = read(output)[0]
    moved = output + "-moved"
    shutil.copytree(output, moved)
    assert read(moved)[0] == first


@pytest.mark.parametrize("gone", ["manifests", "documents", "rejected", "metrics.jsonl"])
def test_missing_parts_are_said_and_do_not_stop_the_page(output: str, gone: str) -> None:
    path = Path(output) / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    page, _ = read(output)
    said = {
        "manifests": ("rules", "no manifests"),
        "documents": ("languages", "No language is recorded"),
        "rejected": ("samples", "No sample could be read"),
        "metrics.jsonl": ("training", "No model was trained"),
    }[gone]
    assert said[1] in of(page, said[0])
    assert "60.0 %" in of(page, "funnel")


def test_a_damaged_parquet_file_costs_only_its_samples(output: str) -> None:
    (Path(output) / "rejected" / "web-a-pass0.parquet").write_bytes(b"PAR1 this is no Parquet file")
    page, _ = read(output)
    assert "No sample could be read" in of(page, "samples")
    assert "zh 9 100.0 %" in of(page, "languages")


def test_without_a_summary_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(storage.StorageError, match=r"no summary\.json"):
        write_report(str(tmp_path))


def test_a_summary_alone_gives_a_page(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"name": "bare", "sources": {}, "tokens": null}')
    page, seen = read(str(tmp_path))
    assert "bare" in seen
    assert "This run makes no tokens" in of(page, "tokens")


def test_the_page_stays_small_by_showing_fewer_samples(
    build_output: Build, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in parts["kept"]:
        row["text"] = "&" * 5000
    output = build_output(parts)
    whole = len(read(output)[0].encode())
    monkeypatch.setattr(page_module, "MOST_BYTES", whole - 1)
    page = read(output)[0]
    assert len(page.encode()) < whole - 1
    assert of(page, "samples").count("&") == 2 * 600
