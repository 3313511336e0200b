"""`cut`: shares, ties, documents without a number, small groups; the same whatever the shards; and cut points used again."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator.documents import decide
from curator.selection.cut import Cut
from curator.selection.cuts import Cuts, CutsError, read_cuts, to_bytes

SHARES = {"percentiles": (30, 60), "least": 1}


def test_the_buckets_hold_the_shares_that_are_asked_for(cutting, rows):
    scores = np.random.default_rng(1).lognormal(6, 1, 5000)
    found = Counter(cutting(**SHARES).buckets(rows(scores.tolist())).values())
    assert 1500 <= found["head"] <= 1505
    assert 1500 <= found["middle"] <= 1510
    assert found.total() == 5000


@pytest.mark.parametrize(("best", "head"), [("lowest", 100.0), ("highest", 900.0)])
def test_the_head_is_the_best_end(cutting, rows, best, head):
    documents = rows(np.linspace(1, 1000, 1000).tolist())
    found = cutting(best=best, keep=0.2, least=1).buckets(documents)
    by_score = {d["m.score"]: found[d["id"]] for d in documents}
    assert by_score[min(by_score, key=lambda s: abs(s - head))] == "head"
    assert set(found.values()) == {"head", "tail"}
    assert 200 <= Counter(found.values())["head"] <= 201


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scores=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60),
    percentiles=st.lists(st.floats(1, 99), min_size=1, max_size=2, unique=True).map(sorted),
    best=st.sampled_from(["lowest", "highest"]),
)
def test_cut_points_are_exact_percentiles_but_for_a_bin(cutting, rows, tmp_path, scores, percentiles, best):
    stage = cutting(best=best, percentiles=tuple(percentiles), least=1, scale="linear")
    found = stage.buckets(rows(scores), folder=f"w{len(list(tmp_path.iterdir()))}")
    ordered = np.sort(scores) if best == "lowest" else np.sort(scores)[::-1]
    path = max(tmp_path.glob("w*/cuts.json"), key=lambda p: p.stat().st_mtime_ns)
    counted = read_cuts(str(path)).groups[()]
    reached = 0
    for percentile, cut, count in zip(percentiles, counted.cuts, counted.buckets):
        exact = ordered[int(np.ceil(round(percentile, 9) / 100 * len(ordered) - 1e-9)) - 1]
        assert abs(cut - exact) <= 1 / 65536
        reached += count
        assert reached >= percentile / 100 * len(scores) - 1e-6
    assert sum(counted.buckets) == len(scores) == len(found)


def test_equal_numbers_are_never_parted(cutting, rows):
    documents = rows([5.0] * 90 + [7.0] * 10)
    stage = cutting(keep=0.3, least=1)
    found = stage.buckets(documents)
    assert Counter(found.values()) == {"head": 90, "tail": 10}
    summary = json.loads((stage.folder / "w" / "summary.json").read_bytes())
    assert summary["warnings"] == [
        "language zh, source web: 30% were asked for up to the head, and 90.0% (90 of 100) are: "
        "many documents have the same m.score"
    ]


def test_a_document_without_a_number_is_unmeasured_and_counts_for_no_share(cutting, rows):
    documents = rows([None, float("nan"), float("inf"), *range(1, 101)])
    stage = cutting(keep=0.5, least=1)
    found = stage.buckets(documents)
    assert [found[d["id"]] for d in documents[:3]] == ["unmeasured"] * 3
    assert Counter(found.values()) == {"unmeasured": 3, "head": 50, "tail": 50}


def test_every_group_is_cut_by_itself(cutting, rows):
    chinese, english = rows([*range(1, 1001)]), rows([x * 10 for x in range(1, 1001)], language="en")
    for number, document in enumerate(english):
        document["id"] = f"{number + 5000:032x}"
    found = cutting(keep=0.25, least=10).buckets([*chinese, *english], size=137)
    for some in (chinese, english):
        assert 250 <= sum(found[d["id"]] == "head" for d in some) <= 251


def test_a_small_group_is_cut_where_the_one_around_it_is(cutting, rows):
    large = rows([*range(1, 201)])
    small = [d | {"id": f"{n + 1000:032x}", "source": "books"} for n, d in enumerate(rows([40, 180]))]
    foreign = [d | {"id": f"{n + 2000:032x}", "language": "yue", "source": "books"} for n, d in enumerate(rows([40, 180]))]
    stage = cutting(keep=0.5, least=100)
    found = stage.buckets([*large, *small, *foreign])
    assert [found[d["id"]] for d in (*small, *foreign)] == ["head", "tail"] * 2
    told = json.loads((stage.folder / "w" / "summary.json").read_bytes())["small"]
    assert {"group": {"language": "zh", "source": "books"}, "documents": 2, "cut_as": {"language": "zh"}} in told
    assert {"group": {"language": "yue", "source": "books"}, "documents": 2, "cut_as": {}} in told


@pytest.mark.parametrize("seed", range(3))
def test_shards_workers_and_retries_change_nothing(cutting, rows, twice, seed):
    scores = np.random.default_rng(9).lognormal(5, 2, 3000).tolist()
    documents = rows([None if n % 50 == 0 else s for n, s in enumerate(scores)])
    stage = cutting(**SHARES)
    whole = stage.buckets(documents, size=3000, folder="whole")
    parted = stage.buckets(documents, size=17 + seed * 400, executor=twice(seed), folder="parted")
    assert whole == parted
    assert stage.cuts("whole").read_bytes() == stage.cuts("parted").read_bytes()


def test_documents_outside_where_have_no_part(cutting, as_batch, rows):
    stage = cutting(keep=0.5, least=1)
    signed = stage.stage.sign(as_batch(rows([1.0, 2.0])))
    group = pa.array([signed["group"][0].as_py(), None])
    assert group.null_count == 1  # what the engine makes of a row outside
    from curator.selection.histograms import find_cuts, place_all

    counts = pa.table({"group": ["zh\x1fweb"], "bin": pa.array([1], pa.int64()), "count": pa.array([1], pa.int64())})
    found = place_all(find_cuts(stage.stage.basis, counts), group, np.array([1.0, np.nan]))
    assert found.to_pylist()[1] is None


# ------------------------------------------------------------------------------------------------- without all documents


def test_numbers_of_ones_own_need_no_other_document(as_batch, rows):
    stage = Cut(by="m.score", best="lowest", at=(300, 1000))
    assert not stage.whole_dataset
    found = stage(as_batch(rows([300, 300.0001, 1000, 1001, None])))
    assert found["bucket"].to_pylist() == ["head", "middle", "middle", "tail", "unmeasured"]
    assert found["kept"].to_pylist() == [True, True, True, False, False]


def test_a_bound_is_in_the_precision_of_the_column():
    stage = Cut(by="m.score", best="highest", at=(0.7,), per=())
    docs = pa.RecordBatch.from_pydict({"m.score": pa.array([0.7, 0.69], pa.float32())})
    assert stage(docs)["bucket"].to_pylist() == ["head", "tail"]


@pytest.mark.parametrize("best", ["lowest", "highest"])
@pytest.mark.parametrize("scale", ["log", "linear"])
def test_recorded_cut_points_say_the_same_of_each_document(cutting, rows, as_batch, best, scale):
    scores = np.random.default_rng(3).normal(0, 40, 2000).tolist()
    documents = rows(scores) + [d | {"id": f"{n + 9000:032x}", "language": "en"} for n, d in enumerate(rows(scores[:50]))]
    options = {"best": best, "scale": scale, "percentiles": (30, 60), "least": 100}
    stage = cutting(**options)
    found = stage.buckets(documents, size=300)
    given: dict[str, Any] = options | {"percentiles": ()}
    again = Cut(by="m.score", cuts=str(stage.cuts()), **given)
    assert not again.whole_dataset
    again.check()
    assert again(as_batch(documents))["bucket"].to_pylist() == [found[d["id"]] for d in documents]
    new = rows([scores[0], scores[1]], language="ja", source="books")
    assert (
        again(as_batch(new))["bucket"].to_pylist()
        == again(as_batch(rows(scores[:2], language="ja", source="x")))["bucket"].to_pylist()
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"by": "m.other"},
        {"best": "highest"},
        {"scale": "linear"},
        {"per": ("language",)},
        {"gumbel": 1, "best": "highest"},
        {"percentiles": (10, 20)},
    ],
)
def test_cut_points_of_something_else_are_refused(cutting, rows, changed):
    stage = cutting(**SHARES)
    stage.buckets(rows([*range(1, 101)]))
    with pytest.raises(CutsError, match=f"was made with {min(changed)}:"):
        Cut(**({"by": "m.score", "best": "lowest", "cuts": str(stage.cuts()), **SHARES} | changed)).check()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d | {"format": "x"}, "format"),
        (lambda d: d | {"version": 99}, "version"),
        (lambda d: d | {"bins": "relative width at most 1/8"}, "bins"),
        (lambda d: d | {"groups": []}, "no groups"),
        (lambda d: d | {"groups": d["groups"][1:]}, "no group of all documents"),
        (lambda d: d | {"groups": [*d["groups"], d["groups"][0]]}, "stands twice"),
        (lambda d: d | {"groups": [d["groups"][0] | {"cuts": [9, 1]}]}, "not in order"),
        (lambda d: d | {"groups": [d["groups"][0] | {"cuts": ["9", "1"]}]}, "cut points"),
        (lambda d: d | {"groups": [d["groups"][0] | {"group": {"x": "y"}}]}, "is not by"),
        (lambda d: d | {"groups": [7]}, "not a file of cut points"),
        (lambda d: d | {"percentiles": "30"}, "percentiles"),
        (lambda d: d | {"per": [1]}, "name columns"),
        (lambda d: d | {"best": "odd"}, "best"),
        (lambda d: {"format": d["format"], "version": 1}, "per"),
        (lambda d: [d], "format"),
    ],
)
def test_a_damaged_file_of_cut_points_is_an_error_that_names_it(cutting, rows, tmp_path, change, said):
    stage = cutting(**SHARES)
    stage.buckets(rows([*range(1, 101)]))
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(change(json.loads(stage.cuts().read_bytes()))))
    with pytest.raises(CutsError, match=said) as raised:
        read_cuts(str(path))
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": NaN}', "\xff"])
def test_what_is_no_json_is_an_error_that_names_it(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(CutsError, match="not a file of cut points"):
        read_cuts(str(path))


def test_the_file_of_cut_points_comes_back_as_it_was(cutting, rows, tmp_path):
    stage = cutting(**SHARES)
    stage.buckets(rows([*range(1, 101)], language='a "b" 中'))
    found: Cuts = read_cuts(str(stage.cuts()))
    assert to_bytes(found) == stage.cuts().read_bytes()
    assert found.of(('a "b" 中', "web"))[0] == ('a "b" 中', "web")


# ------------------------------------------------------------------------------------------------------------- the rest


def test_rules_reject_what_is_asked_and_name_the_bucket(as_batch, rows):
    stage = Cut(by="m.score", best="lowest", at=(1, 2), reject=("middle", "tail"))
    docs = as_batch(rows([1, 2, 3, None]))
    docs = docs.append_column("cut.bucket", stage(docs)["bucket"])
    assert decide(docs, stage.rules).to_pylist() == [None, "cut.middle", "cut.tail", "cut.unmeasured"]
    everything = Cut(by="m.score", best="lowest", at=(1, 2), reject=(), unmeasured="keep")
    assert decide(docs, everything.rules).null_count == 4


def test_gumbel_noise_draws_in_proportion_to_the_weights(cutting, rows):
    weights = np.repeat([1.0, 2.0, 4.0, 8.0], 5000)
    stage = cutting(best="highest", keep=0.02, gumbel=7, least=1)
    documents = rows(np.log(weights).tolist())
    found = stage.buckets(documents, size=4000)
    drawn = np.array([found[d["id"]] == "head" for d in documents]).reshape(4, 5000).sum(axis=1)
    expected = np.array([1, 2, 4, 8]) / 15 * drawn.sum()
    assert 400 <= drawn.sum() <= 402
    assert (np.abs(drawn - expected) < 4 * np.sqrt(expected)).all()
    assert found == stage.buckets(documents, size=999, folder="again")
    assert found != cutting(best="highest", keep=0.02, gumbel=8, least=1).buckets(documents, folder="other seed")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "percentiles: say where"),
        ({"keep": 1.0}, "keep"),
        ({"keep": 0.3, "percentiles": (30,)}, "same thing"),
        ({"percentiles": (60, 30)}, "smaller first"),
        ({"percentiles": (0, 30)}, "between 0 and 100"),
        ({"percentiles": (10, 20, 30)}, "one or two"),
        ({"at": (3, 2)}, "better number first"),
        ({"at": (float("nan"),)}, "one or two numbers"),
        ({"at": (1,), "cuts": "x"}, "give `at` or `cuts`"),
        ({"keep": 0.3, "per": ("source", "source")}, "every name once"),
        ({"keep": 0.3, "least": 0}, "least"),
        ({"keep": 0.3, "gumbel": 1}, "gumbel"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Cut(by="m.score", best="lowest", **options)


@pytest.mark.parametrize("per", [("language", "source"), ()])
@pytest.mark.parametrize("scores", [[], [None, None], [3.0]])
def test_few_documents_or_none_at_all(cutting, rows, scores, per):
    found = cutting(**SHARES, per=per).buckets(rows(scores))
    assert list(found.values()) == ["unmeasured" if score is None else "head" for score in scores]


def test_groups_whose_names_hold_the_separator_are_groups_like_others(cutting, rows):
    found = cutting(keep=0.5, least=1).buckets(rows([1.0, 2.0], language="a\x1fb"))
    assert list(found.values()) == ["head", "tail"]
