from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import config
from curator.tokens.draw import drawn, held_out, id_hashes, permutation
from curator.tokens.mixture import Mixture, Part, allot, capacity, interleave, plan

COUNTS = st.lists(st.integers(0, 60), min_size=1, max_size=12).filter(any)


@settings(max_examples=300, deadline=None)
@given(COUNTS)
def test_every_prefix_is_within_one_sequence_of_its_share(counts):
    order = interleave(counts)
    total = sum(counts)
    assert np.bincount(order, minlength=len(counts)).tolist() == counts
    for part, count in enumerate(counts):
        had = np.cumsum(order == part)
        assert (abs(had * total - np.arange(1, total + 1) * count) < total).all()


def test_proportions_hold_for_a_long_and_uneven_mixture():
    counts = [550_000, 200_000, 150_000, 99_999, 1]
    order = interleave(counts)
    for part, count in enumerate(counts):
        had = np.cumsum(order == part)
        assert abs(had * len(order) - np.arange(1, len(order) + 1) * count).max() < len(order)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 1000).map(Fraction), min_size=1), st.integers(0, 10_000))
def test_allot_gives_all_and_never_more_than_one_off(weights, total):
    given_ = allot(weights, total)
    assert sum(given_.values()) == total
    whole = sum(weights.values())
    assert all(abs(given_[name] - weight * total / whole) < 1 for name, weight in weights.items())


@settings(max_examples=200, deadline=None)
@given(
    have=st.lists(st.integers(0, 5000), min_size=1, max_size=6),
    weights=st.lists(st.sampled_from([0.1, 0.5, 1.0, 3.0]), min_size=6, max_size=6),
    budget=st.integers(50, 60_000),
    epochs=st.sampled_from([0.5, 1.0, 2.5, 4.0]),
    shortage=st.sampled_from(["reweight", "shrink"]),
)
def test_no_plan_reads_a_part_too_often_or_asks_too_much(have, weights, budget, epochs, shortage):
    names = [f"p{i}" for i in range(len(have))]
    mixture = Mixture(budget=budget, weights=dict(zip(names, weights)), max_epochs=epochs, on_shortage=shortage)
    tokens = dict(zip(names, have))
    try:
        made = plan(mixture, mixture.parts(()), tokens, 10)
    except ValueError:
        exact = [Fraction(str(weight)) for weight in weights[: len(have)]]
        most = min(capacity(n, 10, Fraction(str(epochs))) / weight for n, weight in zip(have, exact)) * sum(exact)
        assert max(have) * epochs < 11 or (shortage == "shrink" and most < 1)
        return
    assert 0 < made.sequences <= made.asked_sequences == budget // 10
    for share in made.shares:
        assert share.sequences <= share.cap
        assert share.sequences * 10 + 1 <= epochs * share.tokens or share.sequences == 0
    if shortage == "shrink":
        assert all(abs(s.sequences - s.asked * made.sequences) < 1 for s in made.shares)
    elif made.sequences < made.asked_sequences:
        assert all(s.sequences == s.cap for s in made.shares)  # only when everything is used up


def test_reweight_gives_the_place_of_a_short_part_to_the_others_by_their_weights():
    mixture = Mixture(budget=1000, weights={"a": 0.5, "b": 0.3, "c": 0.2}, max_epochs=1)
    made = plan(mixture, mixture.parts(()), {"a": 101, "b": 10_000, "c": 10_000}, 10)
    assert [share.sequences for share in made.shares] == [10, 54, 36]
    assert made.shortages == ("a: 500 tokens asked, and 1 epochs of its 101 give 100",)


def test_shrink_keeps_the_weights():
    mixture = Mixture(budget=1000, weights={"a": 0.5, "b": 0.5}, max_epochs=1, on_shortage="shrink")
    made = plan(mixture, mixture.parts(()), {"a": 101, "b": 10_000}, 10)
    assert [share.sequences for share in made.shares] == [10, 10]


def test_fail_names_what_is_short():
    mixture = Mixture(budget=1000, weights={"a": 0.5, "b": 0.5}, max_epochs=2, on_shortage="fail")
    with pytest.raises(ValueError, match="on_shortage: fail: a: 500 tokens asked, and 2 epochs of its 101 give 200"):
        plan(mixture, mixture.parts(()), {"a": 101, "b": 10_000}, 10)


def test_a_part_without_a_document_gives_its_place_away():
    mixture = Mixture(budget=100, weights={"a": 0.5, "b": 0.5})
    made = plan(mixture, mixture.parts(()), {"a": 0, "b": 1000}, 10)
    assert [share.sequences for share in made.shares] == [0, 10]


def test_without_weights_every_source_has_its_natural_share():
    mixture = Mixture()
    parts = mixture.parts(["b", "a", "none"])
    made = plan(mixture, parts, {"a": 1000, "b": 3000, "none": 0}, 10)
    assert {share.name: share.sequences for share in made.shares} == {"a": 100, "b": 300, "none": 0}


def test_nothing_to_train_on_is_said():
    mixture = Mixture(budget=100, weights={"a": 1.0})
    with pytest.raises(ValueError, match="no part has the 11 tokens of one sequence: a has 2"):
        plan(mixture, mixture.parts(()), {"a": 2}, 10)
    with pytest.raises(ValueError, match="budget: 9 tokens are less than one sequence of 10"):
        plan(Mixture(budget=9, weights={"a": 1.0}), mixture.parts(()), {"a": 200}, 10)


def test_capacity_leaves_the_token_that_a_stream_begins_with():
    assert [capacity(tokens, 10, Fraction(1)) for tokens in (0, 10, 11, 20, 21)] == [0, 0, 1, 1, 2]
    assert capacity(10, 10, Fraction(4)) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0}, "budget: 0"),
        ({"max_epochs": 0.0}, "max_epochs"),
        ({"validation": 1.0}, "validation"),
        ({"weights": {"web": 0.0}}, "weights: web: 0.0 must be above 0"),
        ({"weights": {"web": float("nan")}}, "weights: web"),
        ({"weights": {"web": 1.0, "zh": Part(source="web", weight=1.0, language=("zh",))}}, "web and zh both take documents"),
        (
            {
                "weights": {
                    "a": Part(source="web", weight=1.0, language=("zh", "yue")),
                    "b": Part(source="web", weight=1.0, language=("yue",)),
                }
            },
            "a and b both take documents of 'web'",
        ),
    ],
)
def test_refuses_what_makes_no_mixture(options, message):
    with pytest.raises(ValueError, match=message):
        Mixture(**options)


def test_an_unknown_source_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"weights: wikl: no source 'wikl'\. Did you mean 'wiki'\?"):
        Mixture(weights={"wikl": 1.0}).check(["web", "wiki"])
    with pytest.raises(ValueError, match=r"weights: zh: source: no source 'x'\. There are: web, wiki"):
        Mixture(weights={"zh": Part(source="x", weight=1.0)}).check(["web", "wiki"])


def test_reads_from_yaml():
    text = "mixture:\n  budget: 1B\n  weights:\n    wiki: 1\n    zh_web: {source: web, language: [zh, yue], weight: .4}\n"
    mixture = config.build(Mixture, config.parse(text, "x.yaml")["mixture"])
    assert mixture.budget == 1_000_000_000
    assert mixture.parts(()) == {
        "wiki": Part(source="wiki", weight=1.0),
        "zh_web": Part(source="web", language=("zh", "yue"), weight=0.4),
    }


# --------------------------------------------------------------------------------------------------------------- draws


def test_draws_are_fixed_for_ever():
    hashes = id_hashes(["a", "b", "人工智能"])
    assert hashes.tolist() == [16629034431890738719, 6294355645245719615, 15385371949679338198]
    assert permutation(id_hashes(map(str, range(8))), seed=1, epoch=0).tolist() == [2, 6, 1, 7, 4, 0, 3, 5]
    assert permutation(id_hashes(map(str, range(8))), seed=1, epoch=1).tolist() == [5, 3, 2, 4, 0, 7, 1, 6]


def test_a_draw_of_a_purpose_is_uniform_and_independent_of_another():
    hashes = id_hashes(map(str, range(20_000)))
    assert abs(held_out(hashes, 0.05).mean() - 0.05) < 0.01
    half = drawn(hashes, "one") >> np.uint64(63)
    other = drawn(hashes, "two") >> np.uint64(63)
    assert abs(np.corrcoef(half, other)[0, 1]) < 0.03
    assert not held_out(hashes, 0.0).any()


def test_another_document_moves_no_other_one():
    ids = [str(i) for i in range(200)]
    before = [ids[i] for i in permutation(id_hashes(ids), 3, 0)]
    more = [*ids[:100], "new", *ids[100:]]
    after = [more[i] for i in permutation(id_hashes(more), 3, 0)]
    assert [i for i in after if i != "new"] == before
