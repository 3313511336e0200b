import bz2
import json
import lzma
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.documents import File, Piece, Source, Tally
from curator.sources import reddit, threads
from curator.sources.reddit import Reddit
from curator.sources.sorting import Sorter


def submission(number: str = "abc", **more: Any) -> bytes:
    """As the dumps have them, some of the fields."""
    fields = {
        "author": "someone",
        "created_utc": 1427424000,
        "id": number,
        "is_self": True,
        "num_comments": 7,
        "over_18": False,
        "permalink": f"/r/AskHistorians/comments/{number}/why_so/",
        "score": 12,
        "selftext": "What I *typed*.",
        "subreddit": "AskHistorians",
        "title": "Why so?",
        "url": f"https://www.reddit.com/r/AskHistorians/comments/{number}/why_so/",
    }
    return orjson.dumps({**fields, **more}) + b"\n"


def comment(number: str = "cba", link: str = "abc", parent: str | None = None, **more: Any) -> bytes:
    fields = {
        "author": "someone",
        "body": f"Comment {number}.",
        "controversiality": 0,
        "created_utc": 1427424001,
        "id": number,
        "link_id": f"t3_{link}",
        "parent_id": f"t1_{parent}" if parent else f"t3_{link}",
        "score": 3,
        "subreddit": "AskHistorians",
    }
    return orjson.dumps({**fields, **more}) + b"\n"


def read(path: Path, source: Reddit | None = None, tally: Tally | None = None, start: int = 0, stop: int = -1) -> list[dict]:
    tally = Tally() if tally is None else tally
    before = tally.records - sum(tally.skipped.values()) - sum(tally.errors.values())
    piece = Piece(File(str(path), path.name, path.stat().st_size, ""), start, stop)
    rows = [row for batch in (source or Reddit()).read(piece, tally) for row in batch.to_pylist()]
    assert len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records - before
    return rows


def write(folder: Path, *lines: bytes) -> Path:
    path = folder / "RC_2015-03"
    path.write_bytes(b"".join(lines))
    return path


def test_is_a_source():
    assert isinstance(Reddit(), Source)


def test_a_submission_and_a_comment(tmp_path):
    first, second = read(write(tmp_path, submission(), comment()))
    assert first["text"] == "Why so?\n\nWhat I *typed*."
    assert (first["title"], first["date"]) == ("Why so?", "2015-03-27T02:40:00Z")
    assert first["url"] == "https://www.reddit.com/r/AskHistorians/comments/abc/why_so/"
    assert json.loads(first["metadata"]) == {
        "id": "abc",
        "kind": "submission",
        "subreddit": "AskHistorians",
        "score": 12,
        "comments": 7,
    }
    assert (second["text"], second["title"], second["offset"]) == ("Comment cba.", None, len(submission()))
    assert second["url"] == "https://www.reddit.com/r/AskHistorians/comments/abc/_/cba/"
    assert json.loads(second["metadata"]) == {"id": "cba", "kind": "comment", "subreddit": "AskHistorians", "score": 3}
    assert "someone" not in json.dumps([first, second])


SKIPS: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "deleted": (comment(body="[deleted]"), {}, "deleted"),
    "removed": (comment(body="[removed]\n"), {}, "removed"),
    "removed by reddit": (comment(body="[ Removed by Reddit ]"), {}, "removed"),
    "deleted submission": (submission(selftext="[deleted]"), {}, "deleted"),
    "title of a deleted one": (submission(title="[deleted by user]"), {}, "removed"),
    "category": (submission(removed_by_category="moderator"), {}, "removed"),
    "deleted by its author": (submission(removed_by_category="deleted"), {}, "deleted"),
    "link": (submission(selftext="", is_self=False), {}, "link"),
    "link of old": (submission(selftext=None, is_self=None), {}, "link"),
    "title alone": (submission(selftext=""), {}, "empty"),
    "empty": (comment(body=" &#x200B; "), {}, "empty"),
    "score": (comment(score=1), {"min_score": 2}, "below_min_score"),
    "no score": (comment(score=None), {"min_score": 2}, "below_min_score"),
    "comments": (submission(num_comments=1), {"min_comments": 2}, "below_min_comments"),
    "over_18": (submission(over_18=True), {"over_18": "skip"}, "over_18"),
    "subreddit": (comment(), {"subreddits": ("science",)}, "other_subreddit"),
    "bot": (comment(author="AutoModerator"), {}, "bot"),
}


@pytest.mark.parametrize("join", ["none", "threads"])
@pytest.mark.parametrize(("line", "options", "kind"), SKIPS.values(), ids=SKIPS)
def test_skips_are_named(tmp_path, line, options, kind, join):
    tally = Tally()
    assert read(write(tmp_path, line), Reddit(join=join, **options), tally) == []
    assert tally.skipped == {kind: 1}


def test_the_same_options_keep_others(tmp_path):
    source = Reddit(min_score=3, min_comments=7, over_18="skip", subreddits=("askhistorians",))
    assert len(read(write(tmp_path, submission(), comment()), source)) == 2


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"id": "a"}\n', "no_text"),
        (comment(number="not an id"), "malformed_id"),
        (comment(link_id=5), "malformed_id"),
        (b"no json\n", "invalid_json"),
        (b"[]\n", "not_object"),
        (comment(body="x" * 3000), "line_too_long"),
    ],
    ids=["neither", "id", "link", "json", "list", "long"],
)
def test_a_bad_line_costs_itself_alone(tmp_path, line, kind):
    tally = Tally()
    assert len(read(write(tmp_path, comment("1"), line, comment("2")), Reddit(max_line=2000), tally)) == 2
    assert tally.errors == {kind: 1}


def test_entities_numbers_and_spaces(tmp_path):
    path = write(
        tmp_path,
        comment(
            "1", body="&gt; a &amp;lt; b &amp;amp; c\r\n\r\n&amp;nbsp;&amp;#x200B;\n\nd", created_utc="1427424000", score="5"
        ),
        comment("2", created_utc=None, score=2.0, subreddit=None),
    )
    first, second = read(path)
    assert first["text"] == "> a < b & c\n\n \n\nd"
    assert first["date"] == "2015-03-27T02:40:00Z"
    assert json.loads(first["metadata"])["score"] == 5
    assert (second["date"], second["url"]) == (None, None)


def long_window(data: bytes) -> bytes:
    """A frame as `zstd --long=31` writes it: a window of 2 GiB (RFC 8878 §3.1.1.1.2), here with one raw block."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([21 << 3]) + (len(data) << 3 | 1).to_bytes(3, "little") + data


@pytest.mark.parametrize(
    "pack", [long_window, zstandard.compress, bz2.compress, lzma.compress], ids=["long zstd", "zstd", "bz2", "xz"]
)
def test_compressed(tmp_path, pack):
    plain = read(write(tmp_path, submission(), comment()))
    path = write(tmp_path, pack(submission()), pack(comment()))
    assert read(path) == plain
    assert Reddit().ranges(File(str(path), "a", 1 << 40, ""), 10) == [(0, -1)]


def test_any_cutting_gives_the_same_documents(tmp_path):
    chance = random.Random(1)
    lines = [chance.choice([submission, comment])(f"{i:x}") if chance.random() < 0.9 else b"bad\n" for i in range(1, 200)]
    path = write(tmp_path, *lines)
    file = File(str(path), path.name, path.stat().st_size, "")
    whole = read(path)
    for size in (300, 5000):
        ranges = Reddit().ranges(file, size)
        assert len(ranges) > 3
        assert all(before[1] == behind[0] for before, behind in pairwise(ranges))
        assert [row for start, stop in ranges for row in read(path, None, None, start, stop)] == whole
    assert Reddit(join="threads").ranges(file, 300) == [(0, -1)]


# ------------------------------------------------------------------------------------------------------------- threads


def test_a_thread_is_read_from_above(tmp_path):
    path = write(
        tmp_path,
        comment("b1", score=1),
        comment("b3", parent="b1", score=2),
        comment("b4", parent="b1", score=9),
        comment("b5", parent="b4"),
        comment("b2", score=5),
        comment("b6", parent="99"),
        comment("b7", link="other"),
        submission(),
    )
    tally = Tally()
    thread, other = sorted(read(path, Reddit(join="threads", between="\n"), tally), key=lambda row: row["offset"])
    texts = ["Why so?\n\nWhat I *typed*.", *(f"Comment {i}." for i in ("b2", "b6", "b1", "b4", "b5", "b3"))]
    assert thread["text"] == "\n".join(texts)
    assert json.loads(thread["metadata"])["thread"] == 7
    assert (thread["offset"], thread["title"]) == (int("abc", 36), "Why so?")
    assert other["text"] == "Comment b7."
    assert tally.skipped == {"joined": 6}


def test_circles_and_copies(tmp_path):
    path = write(tmp_path, comment("1", parent="2"), comment("2", parent="1"), comment("3", parent="3"), comment("2"))
    tally = Tally()
    (row,) = read(path, Reddit(join="threads"), tally)
    assert row["text"] == "Comment 1.\n\nComment 2.\n\nComment 3."
    assert tally.errors == {"duplicate_post": 1}


def test_a_thread_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "THREAD_BYTES", 1500)
    tally = Tally()
    read(write(tmp_path, *(comment(f"a{i}", body="x" * 300) for i in range(9))), Reddit(join="threads"), tally)
    assert 3 < tally.errors["thread_too_large"] < 8


def nested(posts: dict[int, tuple[int, int, int]], link: int, above: int | None) -> list[int]:
    """The slow way: the comments below one, each followed by those below it."""
    below = [
        number
        for number, (of, parent, _) in posts.items()
        if of == link and (parent if parent < number and posts.get(parent, (0,))[0] == link else None) == above
    ]
    below.sort(key=lambda number: (-posts[number][2], number))
    return [each for number in below for each in (number, *nested(posts, link, number))]


@settings(max_examples=60)
@given(
    st.dictionaries(st.integers(1, 30), st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(0, 4)), max_size=30),
    st.randoms(use_true_random=False),
)
def test_threads_are_trees(tmp_path_factory, posts, chance):
    folder = tmp_path_factory.mktemp("threads")
    numbers = list(posts)
    chance.shuffle(numbers)
    lines = [
        comment(
            reddit._written(n), reddit._written(100 + posts[n][0]), reddit._written(posts[n][1]), score=posts[n][2], body=str(n)
        )
        for n in numbers
    ]
    expected = {100 + link: " ".join(map(str, nested(posts, link, None))) for link in {of for of, _, _ in posts.values()}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reddit, "Sorter", lambda: Sorter(400))
        rows = read(write(folder, *lines), Reddit(join="threads", between=" "))
    assert {row["offset"]: row["text"] for row in rows} == expected


def test_options_are_checked():
    with pytest.raises(ValueError, match="max_line"):
        Reddit(max_line=0)
    with pytest.raises(ValueError, match="min_comments"):
        Reddit(min_comments=-1)
