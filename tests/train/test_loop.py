from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from curator.tokens.shards import TokenShards
from curator.train import ModelConfig, OptimizerConfig, TrainConfig, train
from curator.train.config import BatchRamp, TrainedRunError
from curator.train.device import choose_compile, choose_device, choose_precision
from curator.train.journal import plain_line
from curator.train.loop import TrainingDiverged
from curator.train.model import Decoder
from curator.train.optimizer import adamw
from curator.train.schedule import learning_rate

LENGTH = 16
Small = Callable[..., TrainConfig]


def quiet(record: dict[str, Any]) -> None:
    """Progress that nobody watches."""


def test_the_loss_falls_on_a_periodic_corpus(shards: str, small: Small, tmp_path: Path) -> None:
    summary = train(small(steps=80, checkpoint_every=0, eval_every=0, log_every=5), shards, str(tmp_path / "out"), quiet)
    assert summary["first_loss"] == pytest.approx(math.log(32), abs=0.3)
    assert summary["last_loss"] < 0.3
    assert summary["validation_loss"] < 0.3
    assert set(summary["validation_losses"]) == {"web", "wiki"}
    assert summary["finished"]
    assert summary["tokens"] == 80 * 8 * 16
    assert summary["epochs"] == pytest.approx(80 * 8 / 50)
    assert summary["tokens_per_second"] > 0


def test_the_loop_equals_a_plain_one(
    shards: str, small: Small, tmp_path: Path, losses_of: Callable[[Path], list[tuple]]
) -> None:
    config = small()
    train(config, shards, str(tmp_path / "out"), quiet)
    torch.manual_seed(config.seed)
    model = Decoder(config.model, 32, 16)
    optimizer = adamw(model, config.optimizer, torch.device("cpu"))
    reader = TokenShards(shards)
    for step, (_, loss, by_source, norm) in enumerate(losses_of(tmp_path / "out")):
        chosen = [i % 50 for i in range(step * 8, step * 8 + 8)]
        ids = torch.from_numpy(np.stack([reader[i] for i in chosen]).astype(np.int64))
        losses = model(ids[:, :-1], ids[:, 1:])
        losses.mean().backward()
        expected_norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.clip)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, 12, config.optimizer)
        optimizer.step()
        optimizer.zero_grad()
        assert loss == pytest.approx(losses.mean().item(), abs=1e-4)
        assert norm == pytest.approx(expected_norm.item(), rel=1e-3)
        sources = np.array([reader.source_of(i) for i in chosen])
        for number, name in enumerate(("web", "wiki")):
            assert by_source[name] == pytest.approx(losses[sources == number].mean().item(), abs=1e-4)


def test_metrics_tell_every_step_and_the_sources_add_up(shards: str, small: Small, tmp_path: Path) -> None:
    seen: list[dict] = []
    summary = train(small(log_every=4), shards, str(tmp_path / "out"), seen.append)
    records = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert records == seen
    assert all(plain_line(record) for record in records)
    assert [(r["event"], r["step"]) for r in records] == [
        ("start", 0),
        ("train", 1),
        ("train", 4),
        ("checkpoint", 5),
        ("validation", 6),
        ("train", 8),
        ("checkpoint", 10),
        ("train", 12),
        ("validation", 12),
        ("checkpoint", 12),
        ("end", 12),
    ]
    previous = 0
    for record in (r for r in records if r["event"] == "train"):
        positions = range(previous * 8, record["step"] * 8)
        shares = [sum(TokenShards(shards).source_of(p % 50) == s for p in positions) / len(positions) for s in (0, 1)]
        total = sum(share * record["losses"][name] for share, name in zip(shares, ("web", "wiki"), strict=True))
        assert record["loss"] == pytest.approx(total, rel=1e-9)
        assert record["lr"] == learning_rate(record["step"] - 1, 12, small().optimizer)
        assert record["epoch"] == (record["step"] - 1) * 8 // 50
        previous = record["step"]
    assert records[-1] == {"event": "end", **summary}


def test_accumulation_does_not_change_the_result(
    shards: str, small: Small, tmp_path: Path, losses_of: Callable[[Path], list[tuple]]
) -> None:
    for micro_batch in (8, 3):
        train(small(micro_batch=micro_batch), shards, str(tmp_path / str(micro_batch)), quiet)
    whole, pieces = losses_of(tmp_path / "8"), losses_of(tmp_path / "3")
    assert [row[1] for row in pieces] == pytest.approx([row[1] for row in whole], abs=1e-4)


def test_bfloat16_trains_near_float32(
    shards: str, small: Small, tmp_path: Path, weights_of: Callable[..., dict[str, torch.Tensor]]
) -> None:
    results = {p: train(small(precision=p), shards, str(tmp_path / p), quiet) for p in ("float32", "bfloat16")}
    assert results["bfloat16"]["precision"] == "bfloat16"
    assert results["bfloat16"]["last_loss"] == pytest.approx(results["float32"]["last_loss"], abs=0.1)
    assert results["bfloat16"]["last_loss"] != results["float32"]["last_loss"]
    assert {w.dtype for w in weights_of(tmp_path / "bfloat16").values()} == {torch.float32}


def test_a_loss_that_is_no_number_stops_the_run_before_the_update(shards: str, small: Small, tmp_path: Path) -> None:
    config = small(steps=40, optimizer=OptimizerConfig(lr=1e30, warmup=0, clip=1e30), checkpoint_every=1)
    with pytest.raises(TrainingDiverged, match=r"step \d+: the loss is .* the last checkpoint is step-\d+"):
        train(config, shards, str(tmp_path / "out"), quiet)


def test_sigterm_saves_and_ends_and_the_run_goes_on(shards: str, small: Small, tmp_path: Path) -> None:
    def stop_at_third(record: dict[str, Any]) -> None:
        if record["event"] == "train" and record["step"] == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    stopped = train(small(checkpoint_every=0), shards, str(tmp_path / "out"), stop_at_third)
    assert signal.getsignal(signal.SIGTERM) is before
    assert not stopped["finished"]
    assert stopped["step"] == 4
    assert stopped["checkpoint"] == "step-00000004"
    finished = train(small(checkpoint_every=0), shards, str(tmp_path / "out"), quiet)
    assert (finished["finished"], finished["resumed_from"], finished["step"]) == (True, 4, 12)


def test_it_runs_outside_the_main_thread(shards: str, small: Small, tmp_path: Path) -> None:
    results: list[dict] = []
    thread = threading.Thread(target=lambda: results.append(train(small(), shards, str(tmp_path / "out"), quiet)))
    thread.start()
    thread.join(60)
    assert results[0]["finished"]


def test_without_validation_sequences_there_is_no_validation_loss(
    shards_of: Callable[..., str], small: Small, tmp_path: Path
) -> None:
    ids = np.ones((20, 17), dtype=int)
    for name, splits in (("none", {"train": ids}), ("empty", {"train": ids, "validation": ids[:0]})):
        summary = train(small(), shards_of(name, splits), str(tmp_path / f"out-{name}"), quiet)
        assert (summary["validation_loss"], summary["validation_losses"]) == (None, {})


def test_options_that_do_not_fit_are_refused(shards: str, small: Small, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="batch_tokens: 100 is no whole number of sequences of 16: write 96 or 112"):
        train(small(batch_tokens=100), shards, str(tmp_path / "out"), quiet)
    with pytest.raises(ValueError, match="output: checkpoints are written to a local folder"):
        train(small(), shards, "s3://bucket/out", quiet)
    with pytest.raises(ValueError, match="device: no cuda:7"):
        train(small(device="cuda:7"), shards, str(tmp_path / "out"), quiet)
    assert not (tmp_path / "out").exists()


def test_what_auto_means_on_a_cpu() -> None:
    cpu = torch.device("cpu")
    assert choose_precision("auto", cpu) is torch.float32
    assert choose_precision("bfloat16", cpu) is torch.bfloat16
    assert not choose_compile("auto", cpu)
    assert choose_compile(True, cpu)
    assert choose_device("cpu") == cpu


def test_the_loader_does_not_copy_the_corpus_and_is_quick(shards_of: Callable[..., str]) -> None:
    from curator.train.data import Batches

    ids = np.random.default_rng(0).integers(0, 32, size=(4096, 1025))
    reader = TokenShards(shards_of("large", {"train": ids}))
    batches = Batches(reader, 64, 16, torch.device("cpu"))
    began = time.process_time()
    for number in range(64):
        batches.load(number * 64, 64)
    assert 4096 * 1024 / (time.process_time() - began) > 2e6  # tokens a second of CPU; a trainer on two cores takes 6,000


def test_a_model_of_one_layer_and_one_head_trains(shards: str, small: Small, tmp_path: Path) -> None:
    config = small(model=ModelConfig(layers=1, width=16, heads=1, tied_embeddings=True))
    assert train(config, shards, str(tmp_path / "out"), quiet)["finished"]


def test_what_a_record_says_of_the_machine_and_the_sources(shards: str, small: Small, tmp_path: Path) -> None:
    seen: list[dict] = []
    summary = train(small(peak_flops=1e12), shards, str(tmp_path / "out"), seen.append)
    start, *records = (r for r in seen if r["event"] in ("start", "train"))
    model = small().model
    assert (start["parameters"], start["parameters_by_formula"]) == (model.parameters(32), 32 * 32 + 12 * 32 * 32 * 2)
    for record in records:
        assert record["mfu"] == pytest.approx(record["tokens_per_second"] * Decoder(model, 32, 16).flops_per_token() / 1e12)
        assert record["memory_bytes"] > 50e6  # torch alone
        positions = range(record["step"] * 8)
        counted = [sum(TokenShards(shards).source_of(p % 50) == s for p in positions) * 16 for s in (0, 1)]
        assert list(record["tokens_by_source"].values()) == counted
    assert summary["tokens_by_source"] == records[-1]["tokens_by_source"]


def test_the_batch_ramp_sees_the_shards_in_order(shards: str, small: Small, tmp_path: Path) -> None:
    seen: list[dict] = []
    ramp = BatchRamp(start=2 * LENGTH, tokens=20 * LENGTH)
    train(small(batch_ramp=ramp), shards, str(tmp_path / "out"), seen.append)
    records = [r for r in seen if r["event"] == "train"]
    sizes = [r["batch_tokens"] // LENGTH for r in records]
    assert sizes == [2, 2, 2, 2, 4, 4, 6, 8, 8, 8, 8, 8]  # the line from 2 to 8 over 20 sequences, in twos
    assert [r["tokens"] for r in records] == [sum(sizes[: k + 1]) * LENGTH for k in range(12)]
    with pytest.raises(ValueError, match=r"batch_ramp\.start: 8 is no whole number of sequences of 16: write 16"):
        train(small(batch_ramp=BatchRamp(start=8, tokens=100)), shards, str(tmp_path / "no"), quiet)


def test_tensorboard_draws_the_journal(shards: str, small: Small, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    seen: list[dict] = []
    train(small(tensorboard=True, steps=6), shards, str(tmp_path / "out"), seen.append)
    train(small(tensorboard=True, steps=12, resume="changed"), shards, str(tmp_path / "out"), seen.append)
    drawn = EventAccumulator(str(tmp_path / "out" / "tensorboard"))
    drawn.Reload()
    losses = [(r["step"], pytest.approx(r["loss"])) for r in seen if r["event"] == "train"]
    assert [(point.step, point.value) for point in drawn.Scalars("train/loss")] == losses
    assert [point.step for point in drawn.Scalars("validation/loss of wiki")] == [6, 12]


def test_without_tensorboard_its_option_is_refused_in_words(
    shards: str, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainedRunError, match="tensorboard: it is not installed"):
        train(small(tensorboard=True), shards, str(tmp_path / "out"), quiet)
    assert train(small(), shards, str(tmp_path / "out"), quiet)["finished"]
