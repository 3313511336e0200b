"""Documents in Parquet as the engine leaves them, a small tokenizer, and executors that behave badly."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curator import storage
from curator.documents import SCHEMA, Shard
from curator.engine.executor import Inline
from curator.tokens import vocabulary
from curator.tokens.build import Tokenize, build
from curator.tokens.mixture import Mixture
from curator.tokens.recipe import VocabularyRecipe, choose, train

CHINESE = "人工智能的发展改变了许多行业，也带来了新的问题。研究人员正在讨论，如何让机器理解语言？"
ENGLISH = "The quick brown fox jumps over the lazy dog, and it's 2024 already. "
CODE = "def add(left, right):\n    return left + right\n\n"


def prose(seed: int, length: int) -> str:
    """Some text that differs from document to document."""
    base = (CHINESE, ENGLISH, CODE)[seed % 3]
    turned = base[seed % len(base) :] + base
    return (f"{seed}：" + turned * (length // len(turned) + 1))[:length]


@pytest.fixture
def write_shard(tmp_path: Path) -> Callable[..., Shard]:
    """`write_shard(source, key, texts, languages=…, ids=…)`: one Parquet file of documents."""
    return shard_writer(tmp_path)


def shard_writer(folder: Path) -> Callable[..., Shard]:

    def write(
        source: str,
        key: str,
        texts: Sequence[str | None],
        languages: Sequence[str | None] | None = None,
        ids: Sequence[str] | None = None,
    ) -> Shard:
        rows = [
            {
                "id": ids[i] if ids else hashlib.md5(f"{source}/{key}/{i}".encode()).hexdigest(),
                "source": source,
                "text": text,
                "language": languages[i] if languages else "zh",
                "origin": {"file": f"{source}-{key}.txt", "offset": 1000 * i},
            }
            for i, text in enumerate(texts)
        ]
        path = folder / "documents" / f"{source}-{key}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path, row_group_size=7)
        digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
        return Shard(key=key, source=source, path=str(path), rows=len(rows), digest=digest)

    return write


@pytest.fixture
def corpus(write_shard: Callable[..., Shard]) -> list[Shard]:
    """Three sources in five shards; two documents are empty, one is null, one shard holds nothing."""
    return [
        write_shard("web", "a", [prose(i, 40 + 7 * i) for i in range(60)]),
        write_shard("web", "b", [prose(i + 100, 30 + 5 * i) for i in range(50)] + ["", None]),
        write_shard("web", "c", []),
        write_shard("wiki", "a", [prose(i + 200, 300) for i in range(40)], ["zh", "yue", "en", None] * 10),
        write_shard("code", "a", ["", *(CODE * (i + 1) for i in range(12))]),
    ]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, small_tokenizer: str) -> Callable[[str], str]:
    """`run(packing)`: the output of a run with documents and token shards, made once."""

    @functools.cache
    def make(packing: Literal["concatenate", "best_fit"]) -> str:
        folder = tmp_path_factory.mktemp(packing)
        write = shard_writer(folder)
        shards = [
            write("web", "a", [prose(i, 40 + 7 * i) for i in range(60)]),
            write("wiki", "a", [prose(i + 200, 300) for i in range(40)]),
        ]
        mixture = Mixture(budget=9000, weights={"web": 0.6, "wiki": 0.4}, packing=packing, validation=0.1)
        tokenize = Tokenize(tokenizer=small_tokenizer, sequence_length=32, shard_tokens=3000)
        build(tokenize, mixture, shards, str(folder), Inline())
        return str(folder)

    return make


@pytest.fixture(scope="session")
def small_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tokenizer of 700 ids, trained as every other one is."""
    folder = tmp_path_factory.mktemp("tokenizer")
    rows: list[dict[str, Any]] = [{"id": str(i), "source": "all", "text": prose(i, 400)} for i in range(60)]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "all.parquet")
    shard = Shard(key="all", source="all", path=str(folder / "all.parquet"), rows=60, digest="0")
    recipe = VocabularyRecipe(size=700, special=("<|endoftext|>", "<|im_start|>"))
    made = train(recipe, choose(recipe, [shard], Inline()), str(folder))
    return storage.join(str(folder), made, "tokenizer.json")


@pytest.fixture
def words(small_tokenizer: str) -> vocabulary.Vocabulary:
    return vocabulary.load(small_tokenizer)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; a test that needs it fails, with the reason, where it is missing."""
    folder = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (folder / "text").is_dir():
        pytest.fail(f"CURATOR_DATA: no real data below {folder}; set it, or deselect with -m 'not data'")
    return folder


class Scrambled(Inline):
    """Runs calls in another order, and every one twice, as a cluster that loses workers does."""

    def map(self, function, items, resources=None):
        for index in sorted(range(len(items)), key=lambda i: (i * 7919) % 101):
            function(items[index])
            yield index, function(items[index])


class Killed(Inline):
    """Raises after so many calls."""

    def __init__(self, after: int) -> None:
        self.left = after

    def map(self, function, items, resources=None):
        for index, item in enumerate(items):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            yield index, function(item)


@pytest.fixture
def scrambled() -> Scrambled:
    return Scrambled()


@pytest.fixture
def killed() -> type[Killed]:
    return Killed
