"""What a user can mend is told as a sentence; a defect of ours keeps its traceback."""

from __future__ import annotations


class UserError(Exception):
    """Something that its reader can mend: an input, a path, a model, a cluster. The message names it and says what to do; the
    command line prints it as it is."""
