"""Private data in text: where it is (`find`), and what to put in its place.

`places` is the first pass over bytes; `entities` names the recognisers, which stand in `phones`, `numbers`, `network`,
`accounts`, `addresses` and `keys`; `finding` brings the two together.
"""

from __future__ import annotations

from curator.privacy.entities import ENTITIES
from curator.privacy.finding import Found, find, find_in

__all__ = ["ENTITIES", "Found", "find", "find_in"]
