"""Invented documents of two classes that differ in some words, and a small model of them."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from curator.quality.training import Options, train

GOOD = "山川湖泊形成于第四纪冰期，研究者测量了沉积层的年代，结果发表在学报上。"
POOR = "点击下载免费领取红包，加微信送优惠券，限时特价包邮，快来抢购！"
PLAIN = "我们今天去了那里，看见很多人，他们说明天还会再来，天气也不错。"
SMALL = Options(buckets=1 << 14, features=4000, dimension=8)


def texts(seed: str, count: int, numbers: int, share: float = 0.5) -> list[str]:
    """Documents of 40 to 160 characters: phrases of a class and phrases that both have, in an order of their own."""
    random = np.random.default_rng(numbers)
    phrases = [part for part in seed.replace("。", "，").replace("！", "，").split("，") if part]
    common = [part for part in PLAIN.replace("。", "，").split("，") if part]
    rows = []
    for _ in range(count):
        size = int(random.integers(6, 20))
        chosen = [random.choice(phrases if random.random() < share else common) for _ in range(size)]
        rows.append("，".join(a + b for a, b in itertools.zip_longest(chosen[::2], chosen[1::2], fillvalue="")) + "。")
    return rows


def batch(source: str, rows: Sequence[str | None], language: str | None = None) -> pa.RecordBatch:
    columns = {"source": [source] * len(rows), "language": [language] * len(rows), "text": rows}
    return pa.RecordBatch.from_pydict({name: pa.array(values, pa.string()) for name, values in columns.items()})


def good() -> Iterator[pa.RecordBatch]:
    yield batch("wiki", texts(GOOD, 150, 1), "zh")
    yield batch("news", texts(GOOD, 100, 2), "yue")


def poor() -> Iterator[pa.RecordBatch]:
    yield batch("crawl", texts(POOR, 250, 3), "zh")


@pytest.fixture(scope="session")
def invented() -> SimpleNamespace:
    return SimpleNamespace(GOOD=GOOD, POOR=POOR, SMALL=SMALL, texts=texts, batch=batch, good=good, poor=poor)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    train(good(), poor(), str(folder), SMALL)
    return folder
