"""Filters beside datatrove's on the same documents, in one process on one core: the four English families, and repetition and
quality of Chinese by characters; each also as a share of a plain pass that only counts characters (pyarrow's utf8_length).

    python tests/bench/filters.py

datatrove is timed once, on some of the documents, and scaled by characters. It cuts Chinese into words with jieba; ours counts
characters here and needs no segmenter. With words of jieba on both sides, see chinese_words.py.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curator import config, storage
from curator.documents import decide
from curator.stages.filter import Filter

ROUNDS = 7
EVERY = 6  # of the English documents is what the peer gets: all would take it minutes
FAMILIES = ("gopher_repetition", "gopher_quality", "fineweb", "c4")  # c4 last: it cuts lines


def beside(path: str) -> ModuleType:
    """A module of the tests, which sees what pytest lets it see."""
    if (tests := str(Path(__file__).parents[1])) not in sys.path:
        sys.path.insert(0, tests)
    spec = importlib.util.spec_from_file_location(Path(path).stem, Path(__file__).parents[1] / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def best(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return min(spent)


def rules_of(preset: str) -> dict[str, dict[str, Any]]:
    return {key: dict(rule) for key, rule in config.load(storage.preset("filters", preset))["document"].items()}


def one_filter(parts: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Filter:
    """The document rules of several filters as those of one, which segments a text once."""
    rules = {f"{name}_{key}": {"metric": key, **rule} for name, part in parts.items() for key, rule in part.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "together.yaml"
        path.write_text(json.dumps({"document": rules}), encoding="utf-8")
        return Filter.load(str(path))


def judge(stages: Sequence[Filter], texts: Sequence[str]) -> Callable[[], object]:
    docs = pa.RecordBatch.from_pydict({"text": pa.array(texts)})

    def run() -> None:
        for stage in stages:
            found = docs
            for key, column in stage(docs).items():
                found = found.append_column(f"{stage.name}.{key}", column)
            decide(found, stage.rules)

    run()  # compile, load
    return run


def row(what: str, texts: Sequence[str], ours: float, theirs: float, plain: float) -> None:
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(
        f"| {what} | {len(texts) / ours:,.0f} docs/s, {size / ours:,.1f} MB/s | {len(texts) / theirs:,.1f} docs/s, "
        f"{size / theirs:,.2f} MB/s | {theirs / ours:,.0f} | 1/{ours / plain:,.0f} |",
        flush=True,
    )


def english() -> None:
    agreement = beside("metrics/test_agreement.py")
    texts = [text for _, text in agreement.english.documents()]  # together as large as a batch of the engine
    column = pa.array(texts)
    plain = best(lambda: pc.utf8_length(column))
    peers = agreement.their_filters()

    some = texts[::EVERY]
    share = sum(map(len, some)) / sum(map(len, texts))

    def judged_by(*some_peers: Any) -> float:
        """For all texts. Document by document, as a pipeline calls them: what one peer has cut into words serves the next."""
        return best(lambda: [agreement.kept_by(peer, text) for text in some for peer in some_peers], 1) / share

    agreement.kept_by(peers["gopher_quality"], texts[0])  # loads spaCy
    spent = {name: judged_by(peer) for name, peer in peers.items()}
    together = judged_by(*peers.values())
    for name in FAMILIES:
        row(name, texts, best(judge([Filter.load(name)], texts)), spent[name], plain)
    row("all four, one after the other", texts, best(judge([Filter.load(n) for n in FAMILIES], texts)), together, plain)
    merged = one_filter({name: rules_of(name) for name in FAMILIES[:-1]})
    row("all four, three of them as one filter", texts, best(judge([merged, Filter.load("c4")], texts)), together, plain)


def chinese() -> None:
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter

    logging.getLogger("jieba").setLevel(logging.WARNING)
    agreement = beside("metrics/test_agreement.py")
    agreement.their_filters()  # quiet
    path = agreement.english.DATA / "text" / "hplt_raw_zh_web.jsonl"
    texts = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    column = pa.array(texts)
    plain = best(lambda: pc.utf8_length(column))
    peers = [GopherRepetitionFilter(language="cmn_Hani"), GopherQualityFilter(language="cmn_Hani")]
    agreement.kept_by(peers[1], texts[0])  # loads its dictionary
    some = texts[::5]
    share = sum(map(len, some)) / sum(map(len, texts))
    theirs = best(lambda: [agreement.kept_by(peer, text) for text in some for peer in peers], 1) / share
    repetition = {key.replace("_word_", "_char_"): rule for key, rule in rules_of("gopher_repetition").items()}
    repetition = {key.replace("_joined", "").replace("_skipping", ""): rule for key, rule in repetition.items()}
    stage = one_filter({"repetition": repetition, "quality": rules_of("gopher_quality")})
    row("Chinese: repetition and quality by characters", texts, best(judge([stage], texts)), theirs, plain)
    row("Chinese: zh_web, its line rules and phrases too", texts, best(judge([Filter.load("zh_web")], texts)), theirs, plain)


def main() -> None:
    print("| work, one core | curator | datatrove | ratio | of a plain pass |\n|---|---|---|---|---|")
    english()
    chinese()


if __name__ == "__main__":
    main()
