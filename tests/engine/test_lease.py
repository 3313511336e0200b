"""The lease of an output folder between runs that meet, sleep and wake."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from curator.engine import lease
from curator.engine.lease import Lease, OutputInUse


def written(output: Path, **said: object) -> Path:
    path = output / "lease.json"
    path.write_text(json.dumps({"host": "another", "pid": 1, "token": "theirs", "alive": time.time(), **said}))
    return path


def test_one_that_was_taken_over_leaves_the_other_its_lease(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.05)
    with Lease(str(tmp_path)):
        path = written(tmp_path)
        time.sleep(0.2)
        assert json.loads(path.read_text())["token"] == "theirs", "a beat took it back"
    assert path.exists(), "the end of one run removed the lease of another"


def test_a_lease_that_is_just_being_written_is_no_dead_one(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "TAKEOVER", 0.2)
    path = tmp_path / "lease.json"
    path.touch()
    writer = threading.Timer(0.05, written, (tmp_path,))
    writer.start()
    with pytest.raises(OutputInUse, match="a run writes here already"), Lease(str(tmp_path)):
        pass
    writer.join()


def test_a_lease_within_one_of_the_same_process_is_a_part_of_it(tmp_path):
    with Lease(str(tmp_path)):
        with Lease(str(tmp_path)):
            pass
        assert (tmp_path / "lease.json").exists()
    assert not (tmp_path / "lease.json").exists()
