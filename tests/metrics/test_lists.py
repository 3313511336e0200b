"""Files of lists: what is a comment, and what is said of a file in another encoding."""

from __future__ import annotations

import pytest

from curator.metrics.lists import load_list
from curator.storage import StorageError


def test_a_comment_begins_a_line_or_follows_white_space(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("# languages\nC#\nF#  # of functions\n\texample.com/a#top\n  #indented\n#\n词\u3000# 注\n")
    assert load_list(str(path)).words == ("C#", "F#", "example.com/a#top", "词")


def test_a_list_that_is_not_utf8_is_named_with_its_line(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"abc\n" + "词语\n".encode("gbk"))
    with pytest.raises(StorageError, match=r"mine\.txt:2: the list is not UTF-8 \(byte 4\): save it as UTF-8"):
        load_list(str(path))


def test_a_list_without_entries_is_named(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("# none yet\n\n")
    with pytest.raises(StorageError, match=r"mine\.txt: the list has no entries"):
        load_list(str(path))
