"""Chinese words: the filter fineweb2_cmn_Hani as a whole beside its segmenter alone and beside datatrove's three filters, and
the phrases of a list, all on the same texts in one process on one core.

    python tests/bench/chinese_words.py
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from types import ModuleType

import pyarrow as pa

from curator.metrics import Asked, measure
from curator.metrics.lists import WordList
from curator.stages.filter import Filter
from filters import beside

ROUNDS = 7
HAN = re.compile("[\u4e00-\u9fff]+")
PEER_EVERY = 6  # of the documents, for the peer, which takes a minute for all


def agreement() -> ModuleType:
    """The documents, and the peer as FineWeb-2 sets it, are those of the test of agreement."""
    return beside("metrics/test_agreement_zh.py")


def best(calls: list[Callable[[], object]], rounds: int = ROUNDS) -> list[float]:
    """CPU seconds of each, the best of several rounds in turn, so that a noisy moment meets all of them."""
    spent: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for seconds, call in zip(spent, calls):
            began = time.process_time()
            call()
            seconds.append(time.process_time() - began)
    return [min(seconds) for seconds in spent]


def main() -> None:
    import rjieba

    logging.getLogger("jieba").setLevel(logging.WARNING)
    module = agreement()
    texts = [text for _, text in module.documents()]
    size = sum(len(text.encode()) for text in texts) / 1e6
    stage = Filter.load("fineweb2_cmn_Hani")
    batch = pa.RecordBatch.from_pydict({"text": pa.array(texts)})
    stage(batch)

    def segment() -> None:
        for text in texts:
            rjieba.cut(text)

    ours, plain = best([lambda: stage(batch), segment])
    some, filters = texts[::PEER_EVERY], module.their_filters()
    module.their_reason(filters, texts[0])  # loads

    def peer() -> None:
        for text in some:
            module.their_reason(filters, text)

    (theirs,) = best([peer], 1)
    rate, peer_rate = len(texts) / ours, len(some) / theirs
    print(f"| fineweb2_cmn_Hani, {len(texts):,} documents, {size:.1f} MB | {rate:,.0f} docs/s, {size / ours:,.1f} MB/s |")
    print(f"| rjieba.cut alone | {len(texts) / plain:,.0f} docs/s | ours at {plain / ours:.0%} of it |")
    print(f"| datatrove's three filters | {peer_rate:,.0f} docs/s | ours {rate / peer_rate:,.0f} times |")
    for match in ("anywhere", "words"):
        phrases(texts, size, match)


def phrases(texts: list[str], size: float, match: str) -> None:
    """Phrases that are rare in these texts, as in lists of what nobody wants: four Han characters at every 300th place."""
    joined = "".join(texts)
    listed = WordList.of(p for i in range(0, len(joined), 300) if HAN.fullmatch(p := joined[i : i + 4]))
    column = pa.array(texts)
    asked = [Asked("phrases", "phrases", (("list", "x"), ("match", match)))]
    measure(column, asked, lists={"x": listed})
    whole, decoded = best([lambda: measure(column, asked, lists={"x": listed}), lambda: measure(column, ["chars"])])
    hits = sum(measure(column, asked, lists={"x": listed})["phrases"].to_pylist())
    print(
        f"| phrases, {len(listed.words):,} in the list, match: {match}, {hits:,} found "
        f"| {size / whole:,.0f} MB/s, {size / max(whole - decoded, 1e-9):,.0f} MB/s without decoding |"
    )


if __name__ == "__main__":
    main()
