"""Private data in text: where it is (`find`), and what to put in its place.

`places` is the first pass over bytes; `entities` names the recognisers, which stand in `phones`, `numbers`, `network`,
`accounts`, `addresses` and `keys`; `finding` brings the two together, `fields` says what of a URL or of metadata is looked at.
`foreign` are presidio's own recognisers and `presidio` ours for presidio's engine, `people` names found by a model,
`pseudonyms` the stand-ins.
"""

from __future__ import annotations

from curator.privacy.entities import ENTITIES
from curator.privacy.fields import FIELDS, Parts
from curator.privacy.finding import Found, check, find, find_in
from curator.privacy.foreign import FOREIGN
from curator.privacy.people import PERSON
from curator.privacy.pseudonyms import pseudonym

__all__ = ["ENTITIES", "FIELDS", "FOREIGN", "PERSON", "Found", "Parts", "check", "find", "find_in", "pseudonym"]
