"""Sequences divided over ranks: what a part sees, and that a run learns what one process learns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.train import ModelConfig, TrainConfig, train
from curator.train.architectures import sight
from curator.train.architectures.build import build_model
from curator.train.architectures.config import ArchitectureConfig, ObjectivesConfig, PatternConfig
from curator.train.architectures.positions import alibi_slopes
from curator.train.attention import attend, document_mask
from curator.train.config import ParallelConfig as Ranks
from curator.train.mesh import Mesh, sizes
from curator.train.model import Decoder
from curator.train.parallel.context import Part, divide

Small = Callable[..., TrainConfig]
Losses = Callable[[Path], list]
Near = Callable[[list, list], None]

GROUPED = ModelConfig(layers=2, width=32, heads=4, kv_heads=2)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([1, 2, 3, 4]), st.integers(1, 4), st.lists(st.integers(0, 1), min_size=31, max_size=31))
def test_the_parts_together_see_what_a_whole_sequence_sees(ranks: int, chunk: int, begins: list[int]) -> None:
    length = 2 * ranks * chunk
    documents = torch.tensor([0, *begins]).cumsum(0)[None, :length]
    generator = torch.Generator().manual_seed(chunk)
    q, k, v = (torch.randn(1, heads, length, 8, generator=generator) for heads in (4, 2, 2))
    for numbers, mask in ((documents, document_mask(documents)), (None, None)):
        whole = attend(q, k, v, mask)
        for rank in range(ranks):
            part = Part(length, rank, ranks)
            model = Decoder(ModelConfig(layers=1, width=32, heads=4), 8, length)
            everything = torch.stack((k, v))
            seen = part.attend(
                attend,
                lambda _, all=everything: all,
                part.cut(q, 2),
                part.cut(k, 2),
                part.cut(v, 2),
                part.masks(model, numbers),
            )
            torch.testing.assert_close(seen, part.cut(whole, 2), atol=1e-6, rtol=1e-5)


def test_the_parts_see_by_an_architectures_rules() -> None:
    length, ranks = 32, 2
    documents = (torch.arange(length) // 11)[None]
    slopes = alibi_slopes(4)
    rules = [sight.causal, sight.within(documents), *sight.pattern(PatternConfig(kind="window", window=7))]
    sizes = (1, 4, length, length)

    def bias(batch: Any, head: Any, q: Any, k: Any) -> Any:
        return -slopes[head] * (q - k).abs()

    q, k, v = torch.randn(3, 1, 4, length, 16, generator=torch.Generator().manual_seed(0))
    whole = sight.attend(q, k, v, sight.look(rules, bias, sizes, q.device))
    for part in (Part(length, rank, ranks) for rank in range(ranks)):
        seen = part.look(sight.look, rules, bias, sizes, q.device)
        own = [part.cut(x, 2) for x in (q, k, v)]
        found = part.attend(sight.attend, lambda _: torch.stack((k, v)), own[0], own[1], own[2], seen)
        torch.testing.assert_close(found, part.cut(whole, 2), atol=1e-5, rtol=1e-5)


def test_every_rank_has_as_much_to_see() -> None:
    pairs = [[int(mask.sum()) for mask in Part(64, rank, 4).masks(Decoder(GROUPED, 8, 64), None)] for rank in range(4)]
    assert len({sum(pair) for pair in pairs}) == 1
    assert sum(map(sum, pairs)) == 64 * 65 // 2


@pytest.mark.parametrize(
    ("length", "how", "wrong"),
    [
        (12, None, r"4 ranks cut a sequence into 8 chunks, which do not divide 12"),
        (16, {"shape": "prefix", "objectives": ObjectivesConfig(prefix=1.0)}, r"only a causal decoder"),
    ],
)
def test_what_cannot_be_cut_is_refused(small: Small, length: int, how: dict[str, Any] | None, wrong: str) -> None:
    architecture = None if how is None else ArchitectureConfig(**how)
    config = small(model=ModelConfig(layers=1, width=32, heads=4, architecture=architecture), parallel=Ranks(context=4))
    with pytest.raises(ValueError, match=rf"parallel\.context: {wrong}"):
        divide(build_model(config.model, 8, length), config, Mesh(sizes(config.parallel, 4)))


@pytest.mark.slow
def test_runs_on_parts_of_sequences_equal_one_process(
    shards_of: Callable[..., str],
    corpus: dict[str, np.ndarray],
    small: Small,
    tmp_path: Path,
    losses_of: Losses,
    near: Near,
    under_ranks: Callable[..., list],
) -> None:
    """Documents, and what of an architecture knows positions; beside other kinds of parallelism, and from mesh to mesh."""
    shards = shards_of("three documents", corpus, documents=3)

    def architecture(**options: Any) -> ModelConfig:
        return ModelConfig(layers=2, width=32, heads=4, kv_heads=2, architecture=ArchitectureConfig(**options))

    window = PatternConfig(kind="window", window=5)
    runs: dict[str, tuple[dict[str, Any], list[Ranks]]] = {
        "documents": (
            {"attention": "documents", "model": ModelConfig(layers=2, width=32, heads=4, kv_heads=2, bias=True)},
            [
                Ranks(context=4),
                Ranks(context=2, kind="fsdp"),
                Ranks(context=2, tensor=2, kind="fsdp"),
                Ranks(context=2, pipeline=2, kind="fsdp"),
            ],
        ),
        "sequences": ({"model": GROUPED, "recompute": "layers"}, [Ranks(context=2), Ranks(context=4, kind="fsdp")]),
        "learned": ({"model": architecture(positions="learned", norm="layer"), "attention": "documents"}, [Ranks(context=2)]),
        "alibi": ({"model": architecture(positions="alibi", pattern=window), "recompute": "pointwise"}, [Ranks(context=4)]),
        "relative": ({"model": architecture(positions="relative")}, [Ranks(context=2, kind="fsdp")]),
        "rope": ({"model": architecture(), "attention": "documents"}, [Ranks(context=4)]),
        "sinusoidal": ({"model": architecture(positions="sinusoidal"), "attention": "documents"}, [Ranks(context=4)]),
    }
    usual = {"steps": 4, "micro_batch": 2, "eval_every": 2, "checkpoint_every": 0}
    calls, expected = [], {}
    for name, (options, meshes) in runs.items():
        alone = tmp_path / name
        expected[name] = train(small(**usual, **options), shards, str(alone), quiet)
        calls += [(small(**usual, **options, parallel=mesh), shards, str(tmp_path / f"{name} {mesh}")) for mesh in meshes]
    moved = (calls[1][0], shards, str(tmp_path / "moved"), 2)
    *results, stopped = under_ranks(4, [*calls, moved])
    assert stopped["step"] == 3
    assert train(small(**usual, **runs["documents"][0]), shards, moved[2], quiet)["resumed_from"] == 3
    near(losses_of(tmp_path / "documents"), losses_of(Path(moved[2])))
    for (_, _, output), result in zip(calls, results, strict=True):
        name = Path(output).name.split()[0]
        near(losses_of(tmp_path / name), losses_of(Path(output)))
        assert result["validation_loss"] == pytest.approx(expected[name]["validation_loss"], abs=1e-5)


def quiet(record: dict[str, Any]) -> None:
    """Progress that nobody watches."""
