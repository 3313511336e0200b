"""What a user can mend is told as a sentence; a defect of ours keeps its traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something that its reader can mend: an input, a path, a model, a cluster. The message names it and says what to do; the
    command line prints it as it is."""


class Notice(UserWarning):
    """Something that went another way than asked, and is no error; the command line prints it as a line, without the place in
    the code that Python's warnings have."""


def require(right: bool, message: str) -> None:
    """Refuse an option, in the `__post_init__` of the dataclass that it is of: the message names it and says what is right, and
    the loader of the configuration adds file and line."""
    if not right:
        raise ValueError(message)


def require_within(options: object, **bounds: tuple[float, float]) -> None:
    """Of each option that is named, that it lies from the one number to the other."""
    for name, (least, most) in bounds.items():
        value = getattr(options, name)
        require(least <= value <= most, f"{name}: {value} is not from {least} to {most}")


def nearest(name: str, among: Iterable[str]) -> str:
    """`. Did you mean 'extract'?`, or the names there are when none is near."""
    names = sorted(among)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f". Did you mean {close[0]!r}?"
    return f". There are: {', '.join(names)}" if names and len(names) <= 40 else ""
