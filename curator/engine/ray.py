"""Shards as Ray tasks: Ray does the scheduling, the retries and the placement; results are files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from curator import storage
from curator.errors import UserError

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 5  # of a call whose worker or node died: the third attempt at a shard looks for what kills it (quarantine.py)


class ClusterError(UserError):
    """Ray, or a node of the cluster, cannot do the work; says which and why."""


class Ray:
    """`--on local` starts a Ray on this machine; `auto` or `host:port` joins a running cluster."""

    def __init__(self, address: str = "local", workers: int | None = None) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address == "local":
            options |= {"num_cpus": workers, "include_dashboard": False}
        try:
            ray.init(address=address, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ClusterError(f"no Ray at {address!r}: {error}") from None
        self._most = workers if address != "local" else None
        self._local = address == "local"

    @property
    def workers(self) -> int:
        """CPUs that the cluster has now (it may grow)."""
        found = max(1, int(ray.cluster_resources().get("CPU", 1)))
        return min(found, self._most) if self._most else found

    def map(
        self, function: Callable[[T], R], items: Sequence[T], resources: Mapping[str, float] | None = None
    ) -> Iterator[tuple[int, R]]:
        """See `documents.Executor`. At most twice as many calls are in flight as there are CPUs, so neither the driver nor the
        object store grows with the number of shards."""
        wanted = dict(resources or {})
        self._check(wanted)
        call = ray.remote(_standing_here(function)).options(
            num_cpus=wanted.pop("cpu", 1), num_gpus=wanted.pop("gpu", 0), resources=wanted, max_retries=RETRIES
        )
        waiting = iter(range(len(items)))
        flying: dict[Any, int] = {}
        while True:
            while len(flying) < 2 * self.workers and (index := next(waiting, None)) is not None:
                flying[call.remote(items[index])] = index
            if not flying:
                return
            done, _ = ray.wait(list(flying), num_returns=1)
            index = flying.pop(done[0])
            try:
                result = ray.get(done[0])
            except RayTaskError as error:
                raise error.cause if isinstance(error.cause, Exception) else error from None
            except RayError as error:
                name = getattr(items[index], "key", f"item {index}")
                raise ClusterError(f"{name}: given up after {RETRIES} retries: {str(error).splitlines()[0]}") from None
            yield index, result

    def _check(self, wanted: Mapping[str, float]) -> None:
        """Calls that ask for what this machine lacks would wait forever; a cluster may still grow."""
        there = ray.cluster_resources() if self._local else {}
        for name, amount in wanted.items() if self._local else ():
            has = there.get({"cpu": "CPU", "gpu": "GPU"}.get(name, name), 0)
            if amount > has:
                raise ClusterError(f"resources: a stage asks for {name}: {amount:g}, and this machine has {has:g}")

    def preflight(self, output: str, inputs: Sequence[str], models: Sequence[str]) -> list[str]:
        """Have every node read a probe in the output, one file of every source, and the models. Names the nodes that cannot.

        Returns the names of the nodes that were asked; raises ClusterError with one line a node and path.
        """
        if self._local:
            return []
        nodes = [n for n in ray.nodes() if n["Alive"] and n["Resources"].get("CPU")]
        probe = storage.join(output, "probe", f"{os.getpid()}-{time.time_ns()}")
        storage.write_bytes(probe, b"probe")
        look = ray.remote(_standing_here(_look))
        asked = {
            n["NodeManagerHostname"] + "/" + n["NodeID"][:8]: look.options(
                num_cpus=0.01, max_retries=1, scheduling_strategy=NodeAffinitySchedulingStrategy(n["NodeID"], soft=False)
            ).remote([probe, *inputs, *models])
            for n in nodes
        }
        failures = []
        for name, reference in asked.items():
            try:
                failures += [f"{name}: {path}: {why}" for path, why in ray.get(reference, timeout=300).items()]
            except RayError as error:
                failures.append(f"{name}: {str(error).splitlines()[0]}")
        storage.remove(probe)
        if failures:
            raise ClusterError("not every node sees what the run needs:\n  " + "\n  ".join(failures))
        return list(asked)

    def close(self) -> None:
        ray.shutdown()


def _standing_here(function: Callable[[T], R]) -> Callable[[T], R]:
    """`function` in the working directory of the driver, where a node has it: relative paths of models mean the same there."""
    here = os.getcwd()

    def call(item: T) -> R:
        if os.path.isdir(here):
            os.chdir(here)
        return function(item)

    call.__name__ = call.__qualname__ = getattr(function, "__name__", "call")
    return call


def _look(paths: Sequence[str]) -> dict[str, str]:
    """What goes wrong when this node opens each path; nothing, if all is well."""
    failures = {}
    for path in paths:
        try:
            with storage.open_input(path) as stream:
                stream.read(1)
        except Exception as error:
            failures[path] = str(error)
    return failures
