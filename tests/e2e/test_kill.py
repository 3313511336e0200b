"""Killed with SIGKILL at any moment and run again, a run ends in the same bytes; so does it on any executor."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.data, pytest.mark.timeout(1200)]

KILLS = 10
ON_RAY = ("--on", "local", "--workers", 2)


@dataclass
class Uninterrupted:
    digest: str
    seconds: float  # from the moment when it takes the output: Ray is up by then
    summary: dict


@pytest.fixture(scope="module")
def whole(small, cli_for_module) -> Uninterrupted:
    """The run that nobody disturbs, on two Ray workers."""
    output, log = small.out("whole"), small.out("whole.log")
    process = cli_for_module.start("run", small.recipe, "--output", output, *ON_RAY, log=log)
    wait_for_lease(process, output)
    started = time.monotonic()
    assert process.wait() == 0, log.read_text()
    seconds = time.monotonic() - started
    summary = orjson.loads((output / "summary.json").read_bytes())
    said = cli_for_module("digest", output)
    assert summary["digests"]["documents"] in said
    assert summary["digests"]["tokens"] in said
    return Uninterrupted(said.split()[0], seconds, summary)


def test_the_recipe_has_something_of_everything(whole: Uninterrupted) -> None:
    """What follows would prove little if a source or a stage had nothing to do."""
    for name, source in whole.summary["sources"].items():
        assert source["kept"] > 10, name
    reasons = {reason for source in whole.summary["sources"].values() for reason in source["rejected"]}
    for stage in ("early_zh_en", "zh_en_language", "zh_web", "dedup_documents"):
        assert any(reason.startswith(stage) for reason in reasons), stage
    for stage in ("normalize", "redact"):
        assert any(source["chars_cut"].get(stage) for source in whole.summary["sources"].values()), stage
    assert all(part["sequences"] > 0 for part in whole.summary["tokens"]["parts"])


@pytest.mark.parametrize("on", [("--on", "inline"), ("--on", "local", "--workers", 1)], ids=["inline", "one worker"])
def test_any_executor_gives_the_same_bytes(small, cli, whole: Uninterrupted, on: Sequence[object]) -> None:
    output = small.out("-".join(map(str, on)).strip("-"))
    cli("run", small.recipe, "--output", output, *on)
    assert cli.digest(output) == whole.digest


def test_ten_kills_in_a_row(small, cli, whole: Uninterrupted) -> None:
    """Each run goes on where the one before was killed, and is killed in its turn: in the passes, in dedup, in the tokens.

    A moment is told by the files that are done by then, so that ten of them spread over the work on any machine."""
    output, log = small.out("killed"), small.out("killed.log")
    draw = random.Random(20240501)
    all_files = len(finished(small.out("whole")))
    moments = sorted(draw.sample(range(all_files - 5), KILLS))
    kills = 0
    while kills < KILLS:
        moment = moments[kills]
        process = cli.start("run", small.recipe, "--output", output, *ON_RAY, log=log)
        wait_for_lease(process, output)
        while process.poll() is None and len(finished(output)) < moment:
            time.sleep(0.005)
        if killed_at(cli, process, output, draw.uniform(0, 0.2)):
            kills += 1
            print(f"killed at {moment} of {all_files} files: {dict(Counter(finished(output)))}")  # shown if the test fails
            continue
        assert process.returncode == 0, log.read_text()[-4000:]
        assert cli.digest(output) == whole.digest  # it was done before its moment came: the next run begins anew
        shutil.rmtree(output)
    cli("run", small.recipe, "--output", output, *ON_RAY)
    assert cli.digest(output) == whole.digest
    assert_clean(output)


def finished(output: Path) -> list[str]:
    """The folder of every file that a run has finished."""
    files = [path for path in output.rglob("*") if path.is_file() and path.suffix != ".part" and path.parent.name != "attempts"]
    return [path.relative_to(output).parts[0] for path in files]


@pytest.mark.parametrize("part", [0.3, 0.55, 0.8])
def test_one_kill_and_another_executor_goes_on(small, cli, whole: Uninterrupted, part: float) -> None:
    output = small.out(f"killed-{part}")
    moment = (part + random.Random(part).uniform(-0.1, 0.1)) * whole.seconds
    process = cli.start("run", small.recipe, "--output", output, *ON_RAY)
    killed_at(cli, process, output, moment)
    cli("run", small.recipe, "--output", output, "--on", "inline")
    assert cli.digest(output) == whole.digest
    assert_clean(output)


def test_a_killed_worker_is_replaced(small, cli, whole: Uninterrupted) -> None:
    """Ray runs the lost call again, and the run ends by itself."""
    output = small.out("worker")
    log = small.out("worker.log")
    process = cli.start("run", small.recipe, "--output", output, *ON_RAY, log=log)
    victims: set[psutil.Process] = set()
    while process.poll() is None:
        for worker in at_work(cli):
            if len(victims) < 3 and worker not in victims:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()
                    victims.add(worker)
                    time.sleep(1)
        time.sleep(0.02)
    assert victims, "no worker was met at its work"
    assert process.returncode == 0, log.read_text()[-4000:]
    assert cli.digest(output) == whole.digest


def test_only_the_driver_is_killed(small, cli, whole: Uninterrupted) -> None:
    """Its workers outlive it for a moment, and the next run does not wait for that."""
    output = small.out("driver")
    process = cli.start("run", small.recipe, "--output", output, *ON_RAY)
    wait_for_work(cli, process)
    process.kill()
    process.wait()
    cli("run", small.recipe, "--output", output, *ON_RAY)
    assert cli.digest(output) == whole.digest
    assert_clean(output)


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_stop(small, cli, with_signal: signal.Signals) -> None:
    """By Ctrl-C, or by a cluster's scheduler: it says so, ends its Ray and gives the output free."""
    output, log = small.out(with_signal.name), small.out(f"{with_signal.name}.log")
    process = cli.start("run", small.recipe, "--output", output, *ON_RAY, log=log)
    wait_for_work(cli, process)
    process.send_signal(with_signal)
    assert process.wait(60) == 130, log.read_text()
    assert "stopped; run the same command again to go on" in log.read_text()
    assert "***" not in log.read_text()
    assert not (output / "lease.json").exists()
    deadline = time.monotonic() + 30
    while cli.processes():
        assert time.monotonic() < deadline, "processes are left"
        time.sleep(0.2)


def wait_for_work(cli, process: subprocess.Popen[bytes]) -> None:
    """Until a worker has a call in hand."""
    while not at_work(cli):
        assert process.poll() is None, "the run has ended"
        time.sleep(0.05)


def killed_at(cli, process: subprocess.Popen[bytes], output: Path, moment: float) -> bool:
    """Kill a run `moment` seconds after it has taken the output; False if it has ended before."""
    wait_for_lease(process, output)
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        cli.kill()
        process.wait()
        return True
    return False


def wait_for_lease(process: subprocess.Popen[bytes], output: Path) -> None:
    """Until the run has taken the output; the lease of one that was killed may still lie there."""
    while process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            if orjson.loads((output / "lease.json").read_bytes())["pid"] == process.pid:
                return
        time.sleep(0.02)


def at_work(cli) -> list[psutil.Process]:
    """Ray's workers that have a call in hand: Ray writes its name into their title."""
    found = []
    for process in cli.processes():
        with contextlib.suppress(psutil.Error):
            if process.cmdline()[:1] == ["ray::finish_leg"]:
                found.append(process)
    return found


def assert_clean(output: Path) -> None:
    """Nothing in the published folders but what the manifests say."""
    left = [p for p in output.rglob("*.part") if p.parent.name in ("documents", "rejected", "tokens", "manifests")]
    assert not left
    assert len(list((output / "documents").glob("*.parquet"))) <= len(list((output / "manifests").glob("pass*/*.json")))
