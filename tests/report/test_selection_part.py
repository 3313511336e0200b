"""The page on a run that was cut at percentiles."""

from __future__ import annotations

from typing import Any

from curator.report.page import write_report

FOUND: dict[str, Any] = {
    "by": "ppl.perplexity",
    "best": "lowest",
    "percentiles": [30.0, 60.0],
    "per": ["language", "source"],
    "groups": [
        {
            "group": {},
            "documents": 1000,
            "unmeasured": 7,
            "cuts": [312.25, 845.5],
            "buckets": {"head": 300, "middle": 301, "tail": 399},
        }
    ],
    "small": [{"group": {"language": "<b>", "source": "web"}, "documents": 3, "cut_as": {}}],
    "warnings": ["language zh, source web: 30% were asked for up to the head, and 90.0% are"],
}


def page_of(build_output, parts, **summary: Any) -> str:
    parts["summary"] |= summary
    with open(write_report(build_output(parts)), encoding="utf-8") as stream:
        return stream.read()


def test_cut_points_and_buckets_are_shown(build_output, parts):
    page = page_of(build_output, parts, selection={"cut": FOUND})
    assert "312.25 / 845.5" in page
    assert "300 (30.0 %)" in page or "300 (30.0%)" in page
    assert "1 smaller group took those of the group around them" in page
    assert "30% were asked for up to the head" in page


def test_a_run_without_cuts_says_so(build_output, parts):
    assert "Nothing was cut by percentiles" in page_of(build_output, parts)
