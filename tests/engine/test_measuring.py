"""A stage that raises: of the document, which is set aside, or of the machine, which stops the run."""

from __future__ import annotations

import pyarrow as pa
import pytest

from curator.engine.measuring import measure
from curator.errors import UserError

TYPES = {"size": pa.int32()}
DOCS = pa.record_batch({"text": pa.array(["a", "bb", "!", "dddd"])})


def stage(failure: Exception):
    def call(docs):
        if "!" in docs.column("text").to_pylist():
            raise failure
        return {"size": pa.array([len(text) for text in docs.column("text").to_pylist()], pa.int32())}

    return call


def test_a_document_that_a_stage_cannot_take_costs_itself():
    columns, failures = measure(stage(ValueError("no size")), TYPES, (DOCS,))
    assert columns["size"].to_pylist() == [1, 2, None, 4]
    assert failures == {2: "ValueError: no size"}


@pytest.mark.parametrize(
    "failure", [OSError(2, "gone"), ModuleNotFoundError("presidio"), MemoryError(), UserError("no GPU here")]
)
def test_what_the_machine_lacks_is_no_documents_fault(failure):
    with pytest.raises(type(failure)):
        measure(stage(failure), TYPES, (DOCS,))
