"""Examples of every objective: put together again they give the text; their layout is what the models are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.train.architectures import objectives
from curator.train.architectures.config import ArchitectureConfig, ObjectivesConfig
from curator.train.architectures.objectives import END, MASK, SENTINELS, START, noise_of
from curator.train.architectures.rows import Maker, source_length, special_ids
from curator.train.data import PADDING

FIRST = 10_000  # the vocabulary's size: ids from here on are the objectives'
CONFIG = ObjectivesConfig(spans=1.0)


def text(length: int) -> np.ndarray:
    return np.arange(length) + 100


def maker(length: Any = 64, seed: Any = 1, shape: Any = "prefix", **weights: float) -> Maker:
    return Maker(ArchitectureConfig(shape=shape, objectives=ObjectivesConfig(**weights)), FIRST, length, seed)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 200), st.floats(0.05, 0.6), st.floats(1, 8), st.integers(0, 1000))
def test_spans_put_back_give_the_text(length: int, noise: float, span: float, seed: int) -> None:
    config = ObjectivesConfig(spans=1.0, noise=noise, span=span)
    ids = text(length)
    example = objectives.spans(ids, FIRST, config, np.random.default_rng(seed))
    hidden, count = noise_of(length, config)
    assert example.source[-1] == example.targets[-1] == FIRST + END
    sentinels = FIRST + SENTINELS + np.arange(count)
    assert example.source[example.source >= FIRST + SENTINELS].tolist() == sentinels.tolist()  # in order, each once
    spans = dict(zip(sentinels, np.split(example.targets[:-1], np.flatnonzero(example.targets[:-1] >= FIRST))[1:]))
    assert all(len(each) > 1 for each in spans.values())
    back = [spans[i][1:] if i >= FIRST else [i] for i in example.source[:-1]]
    assert np.concatenate(back).tolist() == ids.tolist()
    assert (example.targets < FIRST).sum() == hidden
    assert example.inputs.tolist() == [FIRST + START, *example.targets[:-1]]
    assert len(example.source) == length - hidden + count + 1


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 200), st.floats(0.05, 0.6), st.floats(1, 8), st.integers(0, 1000))
def test_blanks_filled_in_give_the_text_and_their_positions_are_the_masks(
    length: int, noise: float, span: float, seed: int
) -> None:
    config = ObjectivesConfig(blanks=1.0, noise=noise, span=span)
    ids = text(length)
    example = objectives.blanks(ids, FIRST, config, np.random.default_rng(seed))
    given_ = len(example.source)
    where, within = example.places
    assert where[:given_].tolist() == list(range(given_))
    assert not within[:given_].any()
    filled: dict[int, list[int]] = {}
    begins = np.flatnonzero(example.inputs == FIRST + START)
    for begin, end in zip(begins, [*begins[1:], len(example.inputs)]):
        (mask,) = set(where[given_ + begin : given_ + end])
        assert example.source[mask] == FIRST + MASK
        assert within[given_ + begin : given_ + end].tolist() == list(range(1, end - begin + 1))
        assert example.targets[end - 1] == FIRST + END
        assert example.inputs[begin + 1 : end].tolist() == example.targets[begin : end - 1].tolist()
        filled[int(mask)] = example.targets[begin : end - 1].tolist()
    back = [filled[at] if i == FIRST + MASK else [i] for at, i in enumerate(example.source)]
    assert np.concatenate(back).tolist() == ids.tolist()
    masks = np.flatnonzero(example.source == FIRST + MASK)
    assert (np.diff(masks) > 1).all()  # blanks never touch
    assert sum(map(len, filled.values())) == noise_of(length, config)[0]


def test_the_lengths_of_blanks_are_poisson_s_and_their_order_is_random() -> None:
    config = ObjectivesConfig(blanks=1.0)
    lengths, ordered = [], 0
    for seed in range(50):
        example = objectives.blanks(text(4000), FIRST, config, np.random.default_rng(seed))
        begins = np.flatnonzero(example.inputs == FIRST + START)
        lengths += (np.diff(begins) - 1).tolist()
        ordered += bool((np.diff(example.places[0][len(example.source) :]) >= 0).all())
    assert ordered == 0
    assert np.mean(lengths) == pytest.approx(3 / (1 - np.exp(-3)), rel=0.03)  # without those of 0
    assert np.mean(np.array(lengths) == 1) == pytest.approx(3 * np.exp(-3) / (1 - np.exp(-3)), rel=0.1)


def test_t5_s_own_figures() -> None:
    """568 tokens become 512 for the encoder and 114 for the decoder, as in T5's code."""
    how = ArchitectureConfig(shape="encoder_decoder", source=512 / 626, objectives=CONFIG)
    made = Maker(how, FIRST, 626, 1)
    assert source_length(how, 626) == 512
    assert made.tokens["spans"] == 568
    example = made.example(text(627), 0)[1]
    assert (len(example.source), len(example.targets)) == (512, 114)
    assert special_ids(how, 626) == 3 + 28


@pytest.mark.parametrize("shape", ["causal", "prefix"])
@pytest.mark.parametrize("name", ["language", "prefix", "spans", "blanks"])
def test_a_row_is_source_target_padding(shape: Any, name: str) -> None:
    made = maker(shape=shape, **({name: 1.0} if (shape, name) != ("prefix", "language") else {name: 1.0, "prefix": 1e-9}))
    for position in range(50):
        inputs, targets, layout, count = made.row(text(65), position)
        given_ = int(layout[0].sum())
        assert layout[0].tolist() == [1] * given_ + [0] * (64 - given_)
        assert (targets != PADDING).tolist() == [given_ <= at < given_ + count for at in range(64)]
        assert (given_ == 0) == (name == "language")
        assert count == 64 if name == "language" else 0 < count < 64
        assert layout[1].max() < 64
        if name in ("language", "prefix"):
            assert given_ + count == 64
            assert inputs.tolist()[: given_ or None] == (text(65)[: given_ or 64]).tolist() or name == "prefix"


@pytest.mark.parametrize("name", ["prefix", "spans", "blanks"])
@pytest.mark.parametrize("source", [0.3, 0.5, 0.8])
def test_an_encoder_decoder_s_row_has_its_two_parts(name: str, source: float) -> None:
    how = ArchitectureConfig(shape="encoder_decoder", source=source, objectives=ObjectivesConfig(**{name: 1.0}))
    made, cut = Maker(how, FIRST, 64, 1), round(64 * source)
    for position in range(50):
        inputs, targets, layout, count = made.row(text(65), position)
        assert (targets[:cut] == PADDING).all()
        assert (targets[cut : cut + count] != PADDING).all()
        assert inputs[cut] == FIRST + START
        assert 0 < layout[0, :cut].sum() <= cut
        assert not layout[0, cut:].any()


@pytest.mark.parametrize("asked", [{"prefix": 1.0}, {"spans": 1.0}, {"blanks": 1.0}, {"prefix": 1.0, "blanks": 1.0}], ids=str)
@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
@pytest.mark.parametrize("shape", ["prefix", "encoder_decoder"])
def test_no_two_places_of_a_source_or_a_target_are_one(
    shape: Any, positions: Any, asked: dict[str, float], model_of: Callable[..., Any]
) -> None:
    model = model_of(length=64, shape=shape, source=0.6, positions=positions, objectives=ObjectivesConfig(**asked))
    made = Maker(model.how, 50, 64, 1)
    for position in range(20):
        _, targets, layout, _ = made.row(np.arange(65) % 50, position)
        rows, cut = torch.from_numpy(layout)[None], made.source
        same = torch.ones(1, 64, dtype=torch.int64)
        if cut:
            x = torch.cat([model._embed(same[:, :cut], rows[:, :, :cut]), model._embed(same[:, cut:], rows[:, :, cut:])], dim=1)
        else:
            x = model._embed(same, rows)
        for places in (layout[0] == 1, targets != PADDING):
            apart = torch.pdist(x[0, torch.from_numpy(places)].detach())
            assert (apart > 1e-3).all()


def test_weights_are_shares_and_the_draw_is_of_the_position_alone() -> None:
    weights = {"language": 1.0, "prefix": 2.0, "spans": 1.0, "blanks": 4.0}
    made = maker(**weights)
    names = [made.example(text(65), position)[0] for position in range(2000)]
    for name, weight in weights.items():
        assert names.count(name) / 2000 == pytest.approx(weight / 8, abs=0.04)
    again = maker(**weights)
    for position in (7, 3, 1999):
        for one, other in zip(made.row(text(65), position), again.row(text(65), position), strict=True):
            assert np.array_equal(one, other)
    other = maker(seed=2, **weights)
    assert [other.example(text(65), position)[0] for position in range(2000)] != names


def test_every_part_of_a_sequence_is_used() -> None:
    made = maker(spans=1.0)
    seen = set()
    for position in range(100):
        example = made.example(text(65), position)[1]
        seen |= {*example.source.tolist(), *example.targets.tolist()}
    assert seen >= set(text(65).tolist())


def test_a_sequence_too_short_is_said_so() -> None:
    with pytest.raises(ValueError, match="sequences of 4 are too short for spans"):
        maker(length=4, spans=1.0, noise=0.5)
