from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curator.train import TrainConfig, train

WORKER = (
    "import pickle, sys, torch; torch.set_num_threads(1); from curator.train import train; "
    "train(*pickle.load(open(sys.argv[1], 'rb')), lambda record: None)"
)


def under_two_ranks(config: TrainConfig, shards: str, output: Path, folder: Path) -> None:
    """What `torchrun --nproc-per-node 2` does: two processes that find each other by their environment."""
    (folder / "call.bin").write_bytes(pickle.dumps((config, shards, str(output))))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder / "call.bin")],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    assert [process.wait(120) for process in processes] == [0, 0]


@pytest.mark.slow
def test_two_ranks_equal_one_process_and_either_resumes_the_other(
    shards: str, small: Callable[..., TrainConfig], tmp_path: Path, losses_of: Callable[[Path], list]
) -> None:
    config = small()
    alone = tmp_path / "alone"
    whole = train(config, shards, str(alone), lambda record: None)

    class Stopped(Exception):
        pass

    def stop(record: dict[str, Any]) -> None:
        if record["event"] == "train" and record["step"] == 7:
            raise Stopped

    both = tmp_path / "both"
    with pytest.raises(Stopped):  # the first five steps alone, the others as two
        train(config, shards, str(both), stop)
    under_two_ranks(config, shards, both, tmp_path)
    mine, theirs = losses_of(alone), losses_of(both)
    assert [row[0] for row in theirs] == list(range(1, 13))
    for (_, loss, by_source, norm), (_, other, other_by_source, other_norm) in zip(mine, theirs, strict=True):
        assert other == pytest.approx(loss, abs=1e-4)
        assert other_norm == pytest.approx(norm, rel=1e-2)
        assert other_by_source == pytest.approx(by_source, abs=1e-4)
    assert train(config, shards, str(both), lambda record: None)["validation_loss"] == pytest.approx(
        whole["validation_loss"], abs=1e-4
    )
