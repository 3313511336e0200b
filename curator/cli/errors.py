"""How every command speaks: to the terminal, and of what went wrong."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from curator.config import ConfigError
from curator.errors import Notice, UserError
from curator.terminal import printable

console = Console(width=None if sys.stdout.isatty() else 120)  # a log file has no width of its own
complaints = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def say(line: str) -> None:
    """One line as it is: no markup, no colours, not wrapped."""
    console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def complaining(again: str = "; run the same command again to go on") -> Iterator[None]:
    """Errors that are the user's to mend are printed as one plain sentence; a defect of ours keeps its traceback.

    `again` is what a command that was interrupted advises."""
    from curator.pipeline.load import RecipeErrors

    try:
        with _notices():
            yield
    except (ConfigError, RecipeErrors) as error:
        complaints.print(printable(str(error)))
        raise typer.Exit(2) from None
    except UserError as error:
        complaints.print(printable(f"curator: {error}"))
        raise typer.Exit(1) from None
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except OSError as error:  # the output cannot be written, the disk is full …
        where = f"{error.filename}: " if error.filename else ""
        complaints.print(printable(f"curator: {where}{error.strerror or error}"))
        raise typer.Exit(1) from None
    except MemoryError as error:  # of the machine: no document is blamed for it
        said = f" ({error})" if str(error) else ""
        complaints.print(printable(f"curator: there is not enough memory{said}: use fewer workers, or a larger machine"))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complaints.print(f"curator: stopped{again}")
        raise typer.Exit(130) from None


@contextmanager
def _notices() -> Iterator[None]:
    """Ours are lines; the warnings of libraries stay as they are."""
    as_python_does = warnings.showwarning

    def show(message, category, *where, **others) -> None:
        if issubclass(category, Notice):
            complaints.print(printable(f"curator: {message}"))
        else:
            as_python_does(message, category, *where, **others)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
