"""What a leg makes of a reader that comes no further: every record that it met is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pytest

from curator.documents import File, Piece, Split, Tally, batched
from curator.engine.leg import Leg
from curator.engine.manifest import Ledger
from curator.engine.reading import UNREADABLE, read
from curator.errors import UserError

HELD, GIVEN = 7, 3


@dataclass(frozen=True)
class Sorting:
    """Gives some documents, then holds others back, as one does that sorts; and then `failure`."""

    failure: Exception

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._rows(tally), ["text"])

    def _rows(self, tally: Tally) -> Iterator[dict[str, object]]:
        for offset in range(GIVEN):
            tally.record()
            yield {"offset": offset, "text": "a text"}
        for _ in range(HELD):
            tally.record()
        raise self.failure


def leg(reader: Sorting) -> Leg:
    split = Split("key", "s", (Piece(File("f", "f", 1, "")),))
    empty = pa.schema([])
    paths = dict.fromkeys(("kept_path", "rejected_path", "signed_path", "manifest_path", "attempts_path"), "")
    return Leg(0, "key", "s", (), empty, empty, {}, "", "", **paths, split=split, reader=reader)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (OSError(28, "No space left on device"), UNREADABLE),
        (UserError("pip could not bring the wheel"), UNREADABLE),
        (MemoryError(), UNREADABLE),
        (ModuleNotFoundError("a library that this node lacks"), UNREADABLE),
        (ValueError("a defect"), "reader_failed"),
        (RecursionError("what nests is the data"), "reader_failed"),
    ],
)
def test_what_a_reader_held_when_it_failed_is_an_error_each(failure, kind):
    ledger, damage = Ledger(), []
    batches = list(read(leg(Sorting(failure)), ledger, damage))
    ledger.kept = sum(len(batch.docs) for batch in batches)
    assert ledger.kept == GIVEN
    assert ledger.record_errors == {kind: HELD}
    assert [place["kind"] for place in damage] == [kind]
    assert ledger.records == GIVEN + HELD
    ledger.chars_kept = ledger.chars_in
    ledger.check(reads_raw=True)
