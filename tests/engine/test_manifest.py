"""Ledgers balance or fail; fingerprints name what changed; digests do not depend on cuts."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.engine.manifest import Ledger, LedgerError, Manifest, Written, add_digests, drift, fingerprint, rows_digest


def test_a_ledger_that_does_not_balance_is_an_error():
    ledger = Ledger(
        records=3, documents=2, skipped={"request": 1}, kept=1, rejected={"a.b": 1}, chars_in=10, chars_kept=6, chars_rejected=4
    )
    ledger.check(reads_raw=True)
    for field in ("records", "documents", "chars_in"):
        broken = Ledger(**vars(ledger))
        setattr(broken, field, getattr(broken, field) + 1)
        with pytest.raises(LedgerError, match="do not balance"):
            broken.check(reads_raw=True)


def test_drift_names_fields():
    old = {"stages": {"a": {"min": 1}, "b": {}}, "order": ["a", "b"]}
    new = {"stages": {"a": {"min": 2}}, "order": ["a"], "sample": 0.5}
    assert drift(old, new) == [
        "order: without b", "sample: new (0.5)", "stages.a.min: 1 -> 2", "stages.b: removed (was {})",
    ]  # fmt: skip
    assert drift(old, old) == []
    old = {"input": {"a": "10 bytes, 1795361880402158134", "b": f"7 bytes, {'3f' * 16}"}, "marks": "9a" * 16}
    new = {"input": {"a": "12 bytes, 1795361880402158135", "b": f"7 bytes, {'4f' * 16}"}, "marks": "1b" * 16}
    assert drift(old, new) == ["input.a: 10 bytes -> 12 bytes", "input.b: changed", "marks: changed"]
    old = {"metrics": [{"name": "chars"}, {"name": "porn"}], "files": [f"a.txt {'3f' * 16}", f"b.txt {'3f' * 16}"]}
    new = {"metrics": [{"name": "chars"}, {"name": "spam"}], "files": [f"a.txt {'4f' * 16}", f"b.txt {'3f' * 16}"]}
    assert drift(old, new) == ["files: a.txt changed", "metrics: without porn, with spam"]
    assert drift({"order": ["a", "b"]}, {"order": ["b", "a"]}) == ["order: another order"]
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def test_a_manifest_survives_the_disk(tmp_path):
    manifest = Manifest("k", "s", 0, "f", {"x": 1}, Written("a", 1, "0" * 32, 9), Written(), Written(), Ledger(records=1))
    path = str(tmp_path / "m.json")
    manifest.write(path)
    assert Manifest.read(path) == manifest
    (tmp_path / "m.json").write_text("{")
    assert Manifest.read(path) is None
    assert Manifest.read(str(tmp_path / "none")) is None


@given(st.lists(st.tuples(st.uuids(), st.text(), st.floats()), max_size=30), st.integers(0, 30))
def test_a_digest_does_not_depend_on_the_cut_or_the_order(rows, cut):
    table = pa.Table.from_pylist(
        [{"id": str(i), "text": t, "x": x} for i, t, x in rows],
        schema=pa.schema([("id", pa.string()), ("text", pa.string()), ("x", pa.float32())]),
    )
    whole = rows_digest(table)
    parts = [rows_digest(table.slice(cut)), rows_digest(table.slice(0, cut))]
    assert add_digests([f"{p:032x}" for p in parts]) == f"{whole:032x}"
