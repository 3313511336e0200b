"""What one instruction does on some processors, others do by several: the same."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from curator.metrics import vectors
from curator.metrics.vectors import LANES

VALUES = [(n * n) % 11 for n in range(128)]


@pytest.fixture(params=["this processor", "any processor"])
def processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "any processor":
        monkeypatch.setattr(vectors, "PERMUTES", "none has it")
        monkeypatch.setattr(vectors, "COMPRESSES", "none has it")


@pytest.mark.usefixtures("processor")
def test_bytes_are_looked_up_in_a_table() -> None:
    look_up = vectors.lookup64(lambda: VALUES, 0)

    @numba.njit
    def compiled(found, data):
        look_up(found, 0, data, 0)
        look_up(found, LANES, data, LANES)

    found = np.empty(128, np.uint8)
    compiled(found, np.arange(128, dtype=np.uint8))
    assert found.tolist() == VALUES


@pytest.mark.usefixtures("processor")
def test_bits_are_listed() -> None:
    @numba.njit
    def compiled(found, bits, first):
        return vectors.list64(found, 1, bits, first)

    for bits in (0, 1, 1 << 63, (1 << 64) - 1, 0x8000F0000A000001):
        found = np.zeros(1 + LANES + 8, np.int32)
        places = [1000 + k for k in range(LANES) if bits >> k & 1]
        assert compiled(found, np.uint64(bits), 1000) == 1 + len(places)
        assert found[1 : 1 + len(places)].tolist() == places


@pytest.mark.parametrize("bits", [0, 1, 1 << 63, (1 << 64) - 1, 0x8000F0000A000001])
def test_numbers_are_kept(bits: int) -> None:
    @numba.njit
    def compiled(found, data, bits):
        return vectors.keep64(found, 1, data, 2, bits)

    data = np.arange(1000, 1002 + LANES, dtype=np.uint32)
    found = np.zeros(1 + LANES + LANES, np.uint64)
    kept = [1002 + k for k in range(LANES) if bits >> k & 1]
    assert compiled(found, data, np.uint64(bits)) == 1 + len(kept)
    assert found[1 : 1 + len(kept)].tolist() == kept


@pytest.mark.parametrize("text", ["a", "中文，" * 30, "aé中😀" * 20, "a" * 64])
@pytest.mark.usefixtures("processor")
def test_characters_are_spelled(text: str) -> None:
    @numba.njit
    def compiled(found, data, bits):
        vectors.spell64(found, 1, data, 0, bits)

    data = text.encode()
    begins = [k for k, byte in enumerate(data[:LANES]) if byte & 0xC0 != 0x80]
    found = np.zeros(1 + LANES, np.uint32)
    compiled(found, np.frombuffer(data + bytes(LANES + 3), np.uint8), np.uint64(sum(1 << k for k in begins)))
    assert found[1 : 1 + len(begins)].tolist() == [ord(character) for character in text[: len(begins)]]


@pytest.mark.parametrize("feature", [*vectors.SHUFFLES, "none"])
def test_bytes_are_looked_up_in_sets(feature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "SHUFFLES", {key: how for key, how in vectors.SHUFFLES.items() if key == feature})

    @numba.njit
    def compiled(keys, sets):
        return vectors.in_sets64(keys, 1, sets)

    some = np.random.default_rng(1).integers(0, 256, (2, vectors.SETS, 2, 16)).astype(np.uint8)
    sets = some[0] | some[1]
    keys = np.random.default_rng(2).integers(0, 256, 1 + LANES + vectors.SETS).astype(np.uint8)
    places = np.arange(LANES)[:, None] + np.arange(1, 1 + vectors.SETS)
    met = np.bitwise_and.reduce(
        [sets[k, 0, keys[at] & 0xF] & sets[k, 1, keys[at] >> 4] for k, at in enumerate(places.T)], axis=0
    )
    assert 0 < (met != 0).sum() < LANES
    assert compiled(keys, sets.reshape(-1)) == sum(1 << k for k in range(LANES) if met[k])
