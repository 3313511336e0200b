"""Splits: stable under change, and a partition of the input."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from curator.documents import File
from curator.engine.splits import make_splits
from curator.sources.jsonl import Jsonl


class Whole(Jsonl):
    def ranges(self, file, size):
        return [(0, -1)]


class Cut(Jsonl):
    def ranges(self, file, size):
        return [(s, min(s + size, file.size)) for s in range(0, file.size, size)]


def files(count: int, size: int = 3000) -> list[File]:
    return [File(f"/x/{i:05}.py", f"{i:05}.py", size + i % 7, "1") for i in range(count)]


@given(st.sets(st.integers(0, 3000), min_size=1, max_size=400), st.integers(0, 3000))
def test_a_file_more_changes_two_bundles_at_most(numbers, added):
    chosen = dict(enumerate(files(3001)))
    before = make_splits("code", Whole(), [chosen[n] for n in sorted(numbers)], 1 << 20)
    after = make_splits("code", Whole(), [chosen[n] for n in sorted(numbers | {added})], 1 << 20)
    assert sum(len(s.pieces) for s in after) == len(numbers | {added})
    assert len({(s.key, s.pieces) for s in after} - {(s.key, s.pieces) for s in before}) <= 2


def test_bundles_have_a_middling_size():
    splits = make_splits("code", Whole(), files(5000), 1 << 20)
    assert 20 < len(splits) < 400
    assert len({s.key for s in splits}) == len(splits)


def test_a_large_file_is_cut_where_its_format_allows():
    large = [File("/x/big.jsonl", "big.jsonl", 10 << 20, "1")]
    assert len(make_splits("a", Cut(), large, 1 << 20)) == 10
    assert len(make_splits("a", Whole(), large, 1 << 20)) == 1


def test_keys_are_safe_file_names():
    (split,) = make_splits("a", Whole(), [File("/x", "../../日本語 name?.txt", 1, "1")], 1 << 20)
    assert "/" not in split.key
    assert split.key.isascii()


class Grouped(Whole):
    def together(self, files):
        """By the first letter of the name."""
        groups: dict[str, list[File]] = {}
        for file in files:
            groups.setdefault(file.name[0], []).append(file)
        return list(groups.values())


def test_files_that_belong_together_are_one_piece():
    found = [
        File(f"/x/{name}", name, size, "1")
        for name, size in (("a1", 10), ("a2", 20), ("b1", 5), ("c1", 600_000), ("c2", 600_000))
    ]
    splits = make_splits("code", Grouped(), found, 1 << 20)
    pieces = [piece for split in splits for piece in split.pieces]
    assert sorted(tuple(file.name for file in piece.files) for piece in pieces) == [("a1", "a2"), ("b1",), ("c1", "c2")]
    assert sum(split.size for split in splits) == 1_200_035
    assert all(piece.whole for piece in pieces)
