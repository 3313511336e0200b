"""On a cluster: submitted as a Ray job to one that runs already, and on nodes that do not all see the same files."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from ray.cluster_utils import Cluster

from curator.engine import ray as on_ray
from curator.engine.digest import output_digest
from curator.engine.executor import Inline
from curator.engine.manifest import Manifest
from curator.engine.ray import ClusterError, Ray
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
RAY = (sys.executable, "-c", "from ray.scripts.scripts import main; main()")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, outside the range in which Ray's workers choose theirs."""
    with contextlib.ExitStack() as held:
        found = []
        while len(found) < count:
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            if not 10002 <= port <= 19999:
                found.append(port)
        return found


@pytest.fixture
def head(cli) -> Iterator[str]:
    """A head node as an administrator starts it; the address of its dashboard."""
    port, dashboard, client, agent = free_ports(4)
    environment = cli.environment | {"RAY_AUTH_MODE": "disabled"}
    log = cli.ray_folder / "head.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [
                *(*RAY, "start", "--head", "--block", "--num-cpus=2", f"--port={port}", f"--temp-dir={cli.ray_folder}"),
                *("--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"),
                *(f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}"),
            ],
            env=environment,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{dashboard}"
    deadline = time.monotonic() + 90
    while subprocess.run(
        [*RAY, "job", "list", "--address", address], env=environment, capture_output=True, check=False
    ).returncode:
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
    yield address
    cli.kill()
    process.wait()


@pytest.mark.data
def test_a_submitted_job_runs_on_that_cluster(small, cli, head: str, tmp_path: Path) -> None:
    """The folder with recipe and data travels with the job; where to run need not be said."""
    folder = tmp_path / "job"
    shutil.copytree(small.folder / "raw", folder / "raw", ignore=shutil.ignore_patterns("lines"))
    (folder / "raw" / "lines").mkdir()
    lines = (small.folder / "raw" / "lines" / "crawl.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "raw" / "lines" / "crawl.jsonl").write_bytes(b"".join(lines[:150]))
    text = small.recipe.read_text().replace(str(small.folder / "raw"), "raw")
    (folder / "small.yaml").write_text(text)
    output = tmp_path / "out"

    log = tmp_path / "log"
    with log.open("wb") as stream:
        submitted = subprocess.Popen(
            [
                *(*RAY, "job", "submit", "--address", head, "--working-dir", folder, "--"),
                *(sys.executable, "-m", "curator.cli", "run", "small.yaml", "--output", output),
            ],
            env=cli.environment | {"RAY_AUTH_MODE": "disabled"},
            cwd=tmp_path,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    at_work: set[str] = set()
    while submitted.poll() is None:
        titles = [title for process in cli.processes() for title in title_of(process)]
        assert sum("gcs_server" in title for title in titles) == 1, "a second Ray was started"
        at_work |= {title for title in titles if title.startswith("ray::")}
        time.sleep(0.05)
    assert submitted.returncode == 0, log.read_text()[-4000:]
    assert "ray::finish_leg" in at_work, at_work

    inline = tmp_path / "inline"
    run = cli.start("run", "small.yaml", "--output", inline, "--on", "inline", cwd=folder)
    assert run.wait() == 0
    assert cli.digest(output) == cli.digest(inline)


def title_of(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()[:1]
    return []


# -------------------------------------------------------------------------------------------------------------- preflight


class TwoNodes(Ray):
    """Two raylets on this machine; the workers of the second have SECOND_NODE in their environment."""

    def __init__(self) -> None:
        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self.second = self.cluster.add_node(num_cpus=1, env_vars={"SECOND_NODE": "1"})
        super().__init__(str(self.cluster.address))

    def close(self) -> None:
        super().close()
        self.cluster.shutdown()


@pytest.fixture
def two_nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoNodes]:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    executor = TwoNodes()
    yield executor
    executor.close()


def test_two_nodes_that_see_everything(two_nodes: TwoNodes, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("x")
    assert len(two_nodes.preflight(str(tmp_path / "out"), [str(tmp_path / "input")], [])) == 2
    assert not list((tmp_path / "out").rglob("*-*")), "the probe is taken away"


def test_a_node_that_does_not_see_a_file_is_named(two_nodes: TwoNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a share is mounted on one machine and not on the other."""
    (tmp_path / "input").write_text("x")
    look = on_ray._look

    def blind(paths):
        if os.environ.get("SECOND_NODE"):
            return look([path.replace("input", "not-mounted") for path in paths])
        return look(paths)

    monkeypatch.setattr(on_ray, "_look", blind)
    with pytest.raises(ClusterError) as caught:
        two_nodes.preflight(str(tmp_path / "out"), [str(tmp_path / "input")], [])
    (line,) = [line for line in str(caught.value).splitlines() if "not-mounted" in line]
    assert two_nodes.second.node_id[:8] in line
    assert "No such file" in line


class NodeDies(Watch):
    """Takes the second node away, with what it works on, once the first shard is done."""

    def __init__(self, nodes: TwoNodes) -> None:
        self.nodes, self.gone = nodes, False

    def shard_done(self, manifest: Manifest) -> None:
        if not self.gone:
            self.gone = True
            self.nodes.cluster.remove_node(self.nodes.second, allow_graceful=False)


@pytest.mark.data
def test_a_node_that_dies_costs_its_work_alone(small, two_nodes: TwoNodes) -> None:
    outputs = [str(small.out(name)) for name in ("node-died", "undisturbed")]
    watch = NodeDies(two_nodes)
    run(load_recipe(str(small.recipe), output=outputs[0]), two_nodes, watch)
    assert watch.gone
    run(load_recipe(str(small.recipe), output=outputs[1]), Inline(), Watch())
    assert output_digest(outputs[0]) == output_digest(outputs[1])


def test_looking(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    assert on_ray._look([str(tmp_path / "there")]) == {}
    gone, folder = str(tmp_path / "gone"), str(tmp_path)
    found = on_ray._look([str(tmp_path / "there"), gone, folder])
    assert found.keys() == {gone, folder}
