"""What all tests share."""

from __future__ import annotations


def pytest_make_parametrize_id(config: object, val: object, argname: str) -> str | None:
    """Bytes are named by their parameter, never by their content: gzip writes the time into it, and the workers of one run,
    which collect at different moments, would not agree on which tests there are."""
    return argname if isinstance(val, bytes) else None
