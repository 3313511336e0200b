"""What can be wrong with a language model, in words for the user."""

from __future__ import annotations

from curator.errors import UserError


class LanguageModelError(UserError):
    """A model that cannot be read, made or used."""
