from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.train import OptimizerConfig, TrainConfig, train
from curator.train.config import SpikeConfig
from curator.train.loop import TrainingDiverged
from curator.train.spikes import SpikeWatch, position

Small = Callable[..., TrainConfig]
Losses = Callable[[Path], list]
STEPS = {"steps": 48, "checkpoint_every": 10, "eval_every": 0}
SPIKES = SpikeConfig(window=16, patience=1, before=0)


def quiet(record: dict[str, Any]) -> None:
    """Progress that nobody watches."""


def test_a_spike_stands_out_of_the_window_by_robust_deviations() -> None:
    watch = SpikeWatch(SpikeConfig(window=8, deviations=5, patience=2))
    assert not watch.sees(100.0)  # nothing to measure it by yet
    for loss in (3.0, 3.1, 2.9, 3.0, 3.2, 3.0, 2.8):
        assert not watch.sees(loss)
    # the median of the eight is 3.0, the median distance from it 0.1, one outlier notwithstanding
    assert watch.limit() == pytest.approx(3.0 + 5 * 1.4826 * 0.1)
    assert not watch.sees(3.9)  # the first
    assert not watch.sees(3.0)  # and all is well again
    assert not watch.sees(3.9)
    assert watch.sees(3.9)  # the second in a row
    assert SpikeWatch(SpikeConfig()).sees(math.nan)


def test_a_falling_loss_has_no_spikes_and_the_state_comes_back() -> None:
    rng = np.random.default_rng(0)
    watch = SpikeWatch(SpikeConfig(patience=1))
    losses = [10 * 0.99**k + rng.normal(0, 0.1) for k in range(500)]
    assert not any(watch.sees(loss) for loss in losses)
    again = SpikeWatch(SpikeConfig(patience=1))
    again.restore(json.loads(json.dumps(watch.state())))
    assert again.limit() == watch.limit()


@given(st.integers(0, 60), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=4))
def test_the_position_is_counted_over_what_was_not_passed(trained: int, spans: list[tuple[int, int]]) -> None:
    passed = [(first, first + size) for first, size in spans]
    left = [at for at in range(200) if not any(first <= at < last for first, last in passed)]
    assert position(trained, passed) == left[trained]


@pytest.fixture
def spiked(shards_of: Callable[..., str], corpus: dict) -> tuple[str, str]:
    """Shards whose batches 37 and 38 are noise, and the same without them."""
    ids = np.tile(corpus["train"], (8, 1))
    noisy = ids.copy()
    noisy[37 * 8 : 39 * 8] = np.random.default_rng(0).integers(0, 32, size=(16, 17))
    clean = np.delete(ids, range(37 * 8, 39 * 8), axis=0)
    return shards_of("spiked", {"train": noisy}, names=("web",)), shards_of("clean", {"train": clean}, names=("web",))


def test_an_injected_spike_is_caught_and_passed(
    spiked: tuple[str, str], small: Small, tmp_path: Path, losses_of: Losses
) -> None:
    """After it the run is the one that never saw the noise, to the last bit."""
    noisy, clean = spiked
    seen: list[dict[str, Any]] = []
    summary = train(small(**STEPS, spikes=SPIKES), noisy, str(tmp_path / "out"), seen.append)
    spikes = [record for record in seen if record["event"] == "spike"]
    assert [(r["at"], r["step"], r["checkpoint"], r["first"], r["last"]) for r in spikes] == [
        (38, 30, "step-00000030", 37 * 8, 38 * 8),
        (38, 30, "step-00000030", 38 * 8, 39 * 8),
    ]
    assert all(record["loss"] > record["limit"] for record in spikes)
    assert (summary["spikes"], summary["finished"], summary["tokens"]) == (2, True, 48 * 8 * 16)
    train(small(**STEPS), clean, str(tmp_path / "clean"), quiet)
    assert losses_of(tmp_path / "out") == losses_of(tmp_path / "clean")
    written = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert [record for record in written if record["event"] == "spike"] == spikes
    found = json.loads((tmp_path / "out" / "checkpoints" / "step-00000048" / "checkpoint.json").read_text())
    assert found["course"]["position"] == 50 * 8


@pytest.mark.parametrize("at", ["the first spike", "the second spike", "step 35 once more", "step 44"])
def test_a_run_killed_around_a_spike_goes_on_the_same(
    spiked: tuple[str, str], small: Small, tmp_path: Path, losses_of: Losses, at: str
) -> None:
    config = small(**STEPS, spikes=SPIKES)
    train(config, spiked[0], str(tmp_path / "whole"), quiet)
    happened = {"spike": 0, "35": 0}

    class Killed(Exception):
        pass

    def progress(record: dict[str, Any]) -> None:
        happened["spike"] += record["event"] == "spike"
        happened["35"] += record["event"] == "train" and record["step"] == 35
        reached = {
            "the first spike": happened["spike"] == 1,
            "the second spike": happened["spike"] == 2,
            "step 35 once more": happened["35"] == 2,
            "step 44": record["event"] == "train" and record["step"] == 44,
        }
        if reached[at]:
            raise Killed

    with pytest.raises(Killed):
        train(config, spiked[0], str(tmp_path / "out"), progress)
    assert train(config, spiked[0], str(tmp_path / "out"), quiet)["resumed_from"] == (40 if at == "step 44" else 30)
    assert losses_of(tmp_path / "out") == losses_of(tmp_path / "whole")

    def spikes(folder: str) -> list[str]:
        return [line for line in (tmp_path / folder / "metrics.jsonl").read_text().splitlines() if '"spike"' in line]

    assert spikes("out") == spikes("whole")


def test_patience_and_before_pass_over_all_that_led_to_it(spiked: tuple[str, str], small: Small, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    config = small(**STEPS, spikes=SpikeConfig(window=16, patience=2, before=3))
    train(config, spiked[0], str(tmp_path / "out"), seen.append)
    (spike,) = [record for record in seen if record["event"] == "spike"]
    assert (spike["at"], spike["first"], spike["last"]) == (39, 34 * 8, 39 * 8)


def test_a_run_that_only_spikes_ends_in_words(shards: str, small: Small, tmp_path: Path) -> None:
    config = small(steps=40, optimizer=OptimizerConfig(lr=1e30, warmup=0, clip=1e30), spikes=SpikeConfig(most=3))
    with pytest.raises(TrainingDiverged, match=r"after 3 spikes that were passed over\. The update was not made"):
        train(config, shards, str(tmp_path / "out"), quiet)


def test_the_checkpoint_of_the_beginning_changes_nothing(shards: str, small: Small, tmp_path: Path, losses_of: Losses) -> None:
    train(small(), shards, str(tmp_path / "without"), quiet)
    train(small(spikes=SPIKES), shards, str(tmp_path / "with"), quiet)
    assert losses_of(tmp_path / "with") == losses_of(tmp_path / "without")
