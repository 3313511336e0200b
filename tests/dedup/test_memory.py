"""A call takes what `memory` says, however many documents there are."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from curator.dedup import DedupDocuments
from curator.documents import Shard

MEMORY = 48 << 20


@pytest.fixture
def scale(monkeypatch) -> ModuleType:
    """The benchmark, which a worker process can import too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "bench"))
    return importlib.import_module("dedup_scale")


def test_a_larger_corpus_has_more_calls_and_not_larger_ones(tmp_path):
    """The plan alone: groups and partitions hold what fits, whatever the number of documents."""
    stage = DedupDocuments(memory=MEMORY)
    for documents in (10_000, 1_000_000, 64_000_000, 500_000_000):
        shards = [Shard(f"s{i:06}", "web", "", 10_000, str(i)) for i in range(documents // 10_000)]
        plan = stage.plan(shards, str(tmp_path), "one", ())
        assert max(group.rows for group in plan.groups) * 14 * 20 <= MEMORY
        assert documents * 14 / plan.partitions * 16 <= MEMORY


@pytest.mark.slow
def test_no_call_takes_more_than_memory(tmp_path, scale, monkeypatch):
    monkeypatch.setattr(scale, "ROWS_A_SHARD", 1 << 13)
    (tmp_path / "signed").mkdir()
    shards = scale.write_signatures(tmp_path / "signed", 600_000)
    worker = scale.Worker(tmp_path / "work")
    DedupDocuments(memory=MEMORY).mark(shards, str(tmp_path / "work"), worker)
    worker.pool.shutdown()
    above = {name: peak - worker.before for name, peak in worker.peaks.items()}
    assert {"fill_buckets", "find_meetings", "set_leaves_aside", "label", "choose_survivors", "write_marks"} <= above.keys()
    assert max(above.values()) <= MEMORY, above
