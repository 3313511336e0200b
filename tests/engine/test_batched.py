"""Rows to batches of bounded size."""

from __future__ import annotations

import pytest

from curator.documents import BATCH_BYTES, batched


@pytest.mark.parametrize("column", ["text", "metadata", "payload"])
def test_batches_are_bounded_whatever_column_is_large(column):
    large = "x" * (BATCH_BYTES // 4)
    rows = [{"offset": i, column: large.encode() if column == "payload" else large} for i in range(9)]
    sizes = [batch.nbytes for batch in batched(rows, [column])]
    assert sum(sizes) >= 9 * len(large)
    assert max(sizes) < 2 * BATCH_BYTES
