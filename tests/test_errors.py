"""Options that are refused: the message names the option."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from curator.errors import require, require_within


def test_what_is_right_passes_and_what_is_not_is_named() -> None:
    require(True, "never said")
    with pytest.raises(ValueError, match=r"\Awidth: must be even\Z"):
        require(False, "width: must be even")


def test_bounds_are_included() -> None:
    options = SimpleNamespace(epochs=3, rate=0.5)
    require_within(options, epochs=(3, 3), rate=(0, 0.5))
    with pytest.raises(ValueError, match=r"\Aepochs: 3 is not from 4 to 9\Z"):
        require_within(options, rate=(0, 1), epochs=(4, 9))
