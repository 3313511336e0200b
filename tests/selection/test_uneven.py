"""Uneven rejection: told with its numbers where it is large and certain, and not where it is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from curator.engine.executor import Inline
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch
from curator.report.page import write_report
from curator.selection.uneven import uneven


def source(**varieties: tuple[int, int]) -> dict[str, Any]:
    """Counts of a rule `quality.edu`: `zh_Hans=(rejected, judged)`."""
    keys = {name: name.replace("_", " ") for name in varieties}
    return {
        "judged": {f"quality {keys[name]}": judged for name, (_, judged) in varieties.items()},
        "turned_away": {f"quality.edu {keys[name]}": rejected for name, (rejected, _) in varieties.items() if rejected},
    }


def groups(**sources: dict[str, Any]) -> list[str]:
    return [each["group"] for each in uneven(sources)]


def test_a_script_that_is_rejected_more_than_the_other_is_told_with_its_numbers():
    (found,) = uneven({"web": source(zh_Hans=(100, 1000), zh_Hant=(300, 500))})
    assert found["group"] == "zh in Hant"
    assert (found["rejected"], found["judged"], found["others_rejected"], found["others_judged"]) == (300, 500, 100, 1000)
    assert found["ratio"] == 6
    assert found["said"] == (
        "quality.edu rejects 60.0% of zh in Hant (300 of 500), 6.0 times the share of zh in other scripts (100 of 1,000)"
    )


def test_varieties_of_chinese_are_compared_with_each_other_and_not_with_english():
    counts = source(zh_Hans=(100, 1000), yue_Hant=(250, 500), lzh_Hani=(60, 500), en_Latn=(4500, 5000))
    assert groups(web=counts) == ["yue", "en"]
    (yue, _) = uneven({"web": counts})
    assert yue["others"] == "other Chinese (lzh, zh)"


def test_sources_are_compared_too():
    assert groups(web=source(zh_Hans=(50, 1000)), forum=source(zh_Hans=(400, 1000))) == ["source forum"]


def test_none_of_the_others_is_no_division_by_nothing():
    (found,) = uneven({"web": source(zh_Hans=(0, 1000), zh_Hant=(300, 500))})
    assert found["ratio"] is None
    assert "and none of zh in other scripts (0 of 1,000)" in found["said"]


@pytest.mark.parametrize(
    "counts",
    [
        {"zh_Hans": (100, 1000), "zh_Hant": (60, 99)},  # too few
        {"zh_Hans": (100, 1000), "zh_Hant": (19, 100)},  # not twice as many
        {"zh_Hans": (10, 1000), "zh_Hant": (30, 1000)},  # three times as many, of hardly any
        {"zh_Hans": (10, 100), "zh_Hant": (22, 100)},  # chance may do that
        {"zh_Hans": (0, 1000)},
    ],
)
def test_what_is_small_or_uncertain_is_not_told(counts):
    assert groups(web=source(**counts)) == []


def test_a_rule_that_counts_nothing_says_nothing():
    assert uneven({"web": {}, "old": {"judged": {}, "turned_away": {}}}) == []


RECIPE = """
name: fair
sources:
  web: {{read: jsonl, from: {folder}/raw.jsonl}}
stages:
  - language
  - filter: {folder}/size.yaml
  - cut: {{by: size.chars, best: lowest, at: [30]}}
output: {folder}/out
"""


def test_a_run_tells_in_summary_notes_and_report(tmp_path: Path):
    (tmp_path / "size.yaml").write_text("document:\n  chars: {min: 1}\n")
    simplified, traditional = "这是一篇关于国家历史的文章，说明发展与经济", "這是一篇關於國家歷史的文章，說明發展與經濟"
    rows = [{"text": simplified + "。" * (n % 10)} for n in range(300)]
    rows += [{"text": traditional + "。" * (n % 10 + 6)} for n in range(200)]
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(folder=tmp_path))
    notes: list[str] = []

    class Told(Watch):
        def note(self, line: str) -> None:
            notes.append(line)

    summary = run(load_recipe(str(tmp_path / "recipe.yaml")), Inline(), Told())
    web = summary["sources"]["web"]
    assert web["judged"] == {"cut zh Hans": 300, "cut zh Hant": 200}
    assert sum(web["turned_away"].values()) == web["rejected"]["cut.tail"]
    (found,) = summary["uneven"]
    assert (found["reason"], found["group"]) == ("cut.tail", "zh in Hant")
    assert found["said"] in notes
    page = Path(write_report(str(tmp_path / "out"))).read_text()
    assert found["said"] in re.sub(r"<[^>]+>", "", page)


def test_languages_that_are_no_codes_do_not_grow_the_ledger(tmp_path: Path):
    (tmp_path / "size.yaml").write_text("document:\n  chars: {min: 1}\n")
    rows = [{"text": f"text {n}", "language": f"made up {n}"} for n in range(50)] + [{"text": "text"}]
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(folder=tmp_path).replace("  - language\n", ""))
    summary = run(load_recipe(str(tmp_path / "recipe.yaml")), Inline(), Watch())
    assert summary["sources"]["web"]["judged"] == {"cut other none": 50, "cut none none": 1}
