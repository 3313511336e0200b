"""What took hours to make is made anew only where that is asked for."""

from __future__ import annotations

from typing import Annotated

import typer

from curator import storage
from curator.errors import UserError

Replace = Annotated[bool, typer.Option("--replace", help="Make anew what is in the folder already.")]


class FolderTaken(UserError):
    """A folder that holds what a command would write."""


def check_free(folder: str, last: str, replace: bool) -> None:
    """Before anything is read: raise FolderTaken if `folder` holds `last`, the file that the command writes last (of one that
    was killed it is not there), unless it may `replace` it."""
    path = storage.join(folder, last)
    if not replace and storage.exists(path):
        raise FolderTaken(f"{path} is there already: name another --to, or give --replace to make it anew")
