"""`curator train`: who may write where."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curator.cli import app

OPTIONS = """
model: {layers: 1, width: 16, heads: 2}
optimizer: {warmup: 0}
steps: 1
batch_tokens: 64
micro_batch: 4
device: cpu
"""


@pytest.fixture
def told(tmp_path, shards):
    (tmp_path / "train.yaml").write_text(OPTIONS)

    def train(output: str | Path):
        return CliRunner().invoke(app, ["train", str(tmp_path / "train.yaml"), "--tokens", shards, "--output", str(output)])

    return train


def test_where_somebody_trains_already_nobody_else_does(tmp_path, told):
    (tmp_path / "out").mkdir()
    lease = tmp_path / "out" / "lease.json"
    holder = {"host": socket.gethostname(), "pid": os.getppid(), "token": "theirs", "alive": time.time()}
    lease.write_text(json.dumps(holder))
    refused = told(tmp_path / "out")
    assert refused.exit_code == 1
    assert "a run writes here already" in refused.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["lease.json"]
    lease.unlink()
    assert told(tmp_path / "out").exit_code == 0
    assert not lease.exists()
    assert (tmp_path / "out" / "checkpoints" / "step-00000001").is_dir()


def test_the_folder_of_ones_own_is_not_one_that_is_called_tilde(tmp_path, told, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert told("~/out").exit_code == 0
    assert (tmp_path / "out" / "metrics.jsonl").exists()
