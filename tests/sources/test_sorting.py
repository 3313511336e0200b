import os
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from curator.sources.sorting import Sorter


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=200)), st.integers(1, 3000))
def test_the_order_is_that_of_the_bytes_whatever_fits_into_memory(records, run_bytes):
    with Sorter(run_bytes) as sorter:
        for record in records:
            sorter.add(record)
        assert list(sorter) == sorted(records)


def test_blocks_are_many_and_the_file_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    records = [i.to_bytes(4, "big") + bytes(1000) for i in range(3000)]
    with Sorter(500_000) as sorter:
        for record in reversed(records):
            sorter.add(record)
        assert sorter.runs > 3
        assert os.listdir(tmp_path) == []
        assert list(sorter) == records
