from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import config
from curator.tokens import published
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


# ------------------------------------------------------------------------------- token counts, temperature, presets, caps


def sequences(mixture: Mixture, have: dict[str, int], length: int = 10) -> dict[str, int]:
    made = plan(mixture, mixture.parts(have), have, length)
    return {share.name: share.sequences for share in made.shares}


def test_token_counts_are_weights_and_budget_at_once():
    have = {"a": 10_000, "b": 10_000}
    assert sequences(Mixture(tokens={"a": 3000, "b": 1000}), have) == {"a": 300, "b": 100}
    assert sequences(Mixture(tokens={"a": 3000, "b": 1000}, budget=400), have) == {"a": 30, "b": 10}
    parts: dict[str, float | Part] = {"zh": Part(source="a", language=("zh",), tokens=500), "b": Part(source="b", tokens=1500)}
    assert sequences(Mixture(weights=parts), {"zh": 9000, "b": 9000}) == {"zh": 50, "b": 150}


def test_temperature_raises_small_parts():
    have = {"big": 100_000, "small": 1000}
    natural = sequences(Mixture(budget=10_000, temperature=1.0), have)
    assert natural == sequences(Mixture(budget=10_000), have)
    raised = sequences(Mixture(budget=1010, temperature=2.0), have)
    assert raised == {"big": 92, "small": 9}  # sqrt(100) to 1
    flat = sequences(Mixture(budget=1000, temperature=1e6), have)
    assert flat == {"big": 50, "small": 50}
    parts: dict[str, float | Part] = {"small": Part(source="small")}
    assert sequences(Mixture(budget=100, weights=parts, temperature=3.0), {"small": 1000}) == {"small": 10}


def test_a_part_has_its_own_cap_of_epochs():
    weights: dict[str, float | Part] = {"a": Part(source="a", weight=0.5, max_epochs=1.5), "b": 0.5}
    mixture = Mixture(budget=10_000, weights=weights)
    assert sequences(mixture, {"a": 1001, "b": 100_000}) == {"a": 150, "b": 850}


LLAMA = {"common_crawl": "web", "c4": "web", "github": "code", "wikipedia": "wiki"}
LLAMA |= dict.fromkeys(["books", "arxiv", "stack_exchange"], "none")


def test_a_published_mixture_is_applied_to_the_sources_it_is_told():
    mixture = Mixture(preset="llama", sources=LLAMA, budget=1000_000)
    parts = mixture.parts(())
    assert {name: (part.weight, part.max_epochs) for name, part in parts.items()} == {
        "web": (0.82, 1.10),
        "code": (0.045, 1.0),
        "wiki": (0.045, 2.45),
    }
    mixture.check(["web", "code", "wiki"])
    assert sequences(mixture, {"web": 10**7, "code": 10**7, "wiki": 10_000})["wiki"] == int(24_499 / 10)


@pytest.mark.parametrize("name", ["gpt3", "llama", "palm"])
def test_the_shipped_tables_are_what_the_papers_print(name):
    table = published.read(name)
    assert sum(table.weights.values()) == pytest.approx(1.01 if name == "gpt3" else 1.0)
    mixture = Mixture(preset=name, sources={part: part for part in table.weights})
    assert all(mixture.epochs(part) >= 1 for part in mixture.parts(()).values())


def test_the_epochs_printed_for_gpt3_follow_from_its_weights():
    table = published.read("gpt3")
    for part, weight in table.weights.items():
        assert weight * 300e9 / table.tokens[part] == pytest.approx(table.epochs[part], rel=0.2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": {"a": 1.0}, "tokens": {"a": 5}}, "tokens: the mixture has weights already"),
        ({"tokens": {"a": 5}, "temperature": 2.0}, "temperature: it makes the weights: leave tokens out"),
        ({"temperature": 0.0}, "temperature: 0.0 must be from"),
        ({"tokens": {"a": 0}}, "tokens: a: 0 must be above 0"),
        ({"weights": {"a": Part(source="a")}}, "weights: a part needs a weight, or tokens"),
        ({"weights": {"a": 1.0}, "temperature": 2.0}, "weights: a part needs a weight, or tokens"),
        ({"weights": {"a": Part(source="a", weight=1.0, tokens=5)}}, "weights: a: give weight or tokens, not both"),
        ({"weights": {"a": 1.0, "b": Part(source="b", tokens=5)}}, "weights: some parts have tokens and some weight"),
        ({"weights": {"a": Part(source="a", weight=1.0, max_epochs=0.0)}}, "weights: a: 0.0 must be above 0"),
        ({"sources": {"a": "b"}}, "sources: they stand for the parts of a preset"),
        ({"preset": "gpt9"}, "preset: no mixture 'gpt9': neither a file nor one of gpt3, llama, palm"),
        (
            {"preset": "palm", "sources": {"webpages": "web"}},
            "sources: say for each part of palm .*: social_media, books",
        ),
        ({"preset": "llama", "sources": {**LLAMA, "githb": "x"}}, "sources: llama has no part 'githb'. Did you mean 'github'"),
        ({"preset": "llama", "sources": dict.fromkeys(LLAMA, "none")}, "every part of llama is given to none"),
    ],
)
def test_slips_of_shares_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Mixture(**options)


def test_a_source_of_a_preset_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"sources: wiki: no source 'wiki'\. Did you mean 'wikis'"):
        Mixture(preset="llama", sources=LLAMA).check(["web", "code", "wikis"])
