"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A machine that does other work is slow at moments: no example fails for its time. Where a green light has to mean the same
# twice (CI), examples are the same ones every time.
settings.register_profile("curator", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("curator")


def pytest_make_parametrize_id(config: object, val: object, argname: str) -> str | None:
    """Bytes are named by their parameter, never by their content: gzip writes the time into it, and the workers of one run,
    which collect at different moments, would not agree on which tests there are."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the real data sets."""
    folder = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[2] / "shared" / "data"))
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the data sets"
    return folder
