"""The best of each cluster against sorting, and batches that are told to many readers."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from curator.dedup.best import Judged, best_of
from curator.dedup.exchange import read_table, read_tables, read_told, write_tables


@pytest.mark.parametrize("seed", range(60))
def test_the_best_is_the_first_of_the_sorted(seed):
    generator = random.Random(seed)
    ids = ["", "a", "ab", "b", "é", "文", "文件", "\U0001f600", "a\0", "a" * 40]
    documents = [
        {
            "key": generator.choice([0, 1, 5, 2**64 - 1]),
            "priority": generator.choice([-1, 0, 2]),
            "quality": generator.choice([-np.inf, -1.5, 0.0, 3.0]),
            "length": generator.choice([0, 7, 2**31 - 1]),
            "id": generator.choice(ids),
        }
        for _ in range(generator.choice([0, 1, 3, 80]))
    ]
    kinds = {"key": np.uint64, "priority": np.int16, "quality": np.float64, "length": np.int32}
    columns = {name: np.array([d[name] for d in documents], kind) for name, kind in kinds.items()}
    sliced = pa.array(["before", *(d["id"] for d in documents)], pa.large_string())[1:]
    order, starts, best = best_of(Judged(**columns, id=sliced))

    def place(i: int) -> tuple:
        d = documents[i]
        return d["priority"], -d["quality"], -d["length"], d["id"].encode(), i

    keys = sorted({d["key"] for d in documents})
    assert columns["key"][order].tolist() == sorted(d["key"] for d in documents)
    assert columns["key"][order][starts].tolist() == keys
    expected = [min((i for i, d in enumerate(documents) if d["key"] == key), key=place) for key in keys]
    assert best.tolist() == expected


def test_batches_come_back_one_by_one_and_all_together(tmp_path):
    schema = pa.schema([("id", pa.string()), ("n", pa.int32())])
    batches = [pa.record_batch([[f"文{i}"] * i, list(range(i))], schema=schema) for i in (3, 0, 1, 0)]
    path = str(tmp_path / "told.spans")
    write_tables(path, batches, {"rows": 4})
    assert [read_table(path, index, schema) for index in range(4)] == batches
    assert list(read_tables(path, schema)) == batches
    assert read_told(path) == {"rows": 4}
    (tmp_path / "told.spans").write_bytes((tmp_path / "told.spans").read_bytes()[:60])
    with pytest.raises(ValueError, match="ends too early"):
        read_table(path, 0, schema)
