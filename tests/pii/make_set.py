"""The labelled set of private data: invented values in sentences of real pages, messages, articles and code.

    python tests/pii/make_set.py > set.jsonl

Written from public specifications (named beside each form in `invented`), before and apart from the recognisers. The sentences
are in frames_zh.tsv and frames_en.tsv: part, kind of source, type (`*`: any, named by a label of labels.tsv; `-`: none of it is
private), text. In braces stands a type, and after a tilde what only looks private. The part `dev` is for authors of recognisers
to look at; of `held` they were told which kinds went wrong; `blind` was written when both had reached their floors, and its
first figures, before anything was told of it, are in BENCHMARKS.md. No two parts have a frame or a label in common.

A row has the spans to be found as [start, end, type, value, least_start, least_end], in characters: `start..end` is the value
as written, and the last two are the part that must be covered: all of it but for a country code or extension beside a telephone
number, the region and postcode of an address, the host of a URL with credentials, a port, the armour lines of a private key.

The same values come from every run: each row has a generator of its own, seeded by its place.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from invented import addresses, contact, machines, papers
from invented.lookalikes import LOOKALIKES
from invented.values import Make, Value, around

FOLDER = Path(__file__).parent
PARTS, LANGUAGES = ("dev", "held", "blind"), ("zh", "en")
POSITIVE = {"dev": 36, "held": 60, "blind": 60}  # rows for a type and language
NEGATIVE = {"dev": 200, "held": 320, "blind": 160}  # rows for a language
SLOT = re.compile(r"\{(~?\w+)\}")


class Frame(NamedTuple):
    part: str
    language: str
    kind: str
    entity: str
    text: str


def postal(form: addresses.Form) -> Make:
    return lambda r: around(*form(r))


FORMS: dict[str, dict[str, list[Make]]] = {
    "zh": {
        "email": [
            contact.plain_email,
            contact.number_email,
            contact.host_email,
            contact.mobile_email,
            contact.capital_email,
            contact.tagged_email,
        ],
        "phone": [
            contact.mobile,
            contact.landline,
            contact.mobile_parts,
            contact.service,
            contact.mobile_country,
            contact.landline_other,
            contact.mobile,
            contact.landline_extension,
            contact.taiwan_hong_kong,
            contact.mobile_wide,
            contact.landline_wide,
            contact.e164,
        ],
        "id_card": [
            papers.id_18,
            papers.id_18,
            papers.id_x,
            papers.id_15,
            papers.id_18,
            papers.id_residence,
            papers.id_spaced,
            papers.id_wide,
        ],
        "uscc": [papers.uscc, papers.uscc_letters],
        "bank_card": [papers.unionpay, papers.unionpay, papers.unionpay_parts, papers.visa_mastercard, papers.unionpay_wide],
        "passport": [papers.passport_cn, papers.passport_cn, papers.passport_cn_new, papers.passport_service],
        "plate": [
            papers.plate,
            papers.plate,
            papers.plate_electric,
            papers.plate_dotted,
            papers.plate_special,
            papers.plate_border,
        ],
        "address": [
            *map(
                postal,
                (addresses.town, addresses.town, addresses.town, addresses.village, addresses.taiwan, addresses.hong_kong),
            )
        ],
        "qq": [contact.qq, contact.qq, contact.qq, contact.qq_wide],
    },
    "en": {
        "email": [contact.plain_email, contact.tagged_email, contact.host_email, contact.capital_email, contact.number_email],
        "phone": [contact.american, contact.abroad, contact.american, contact.abroad, contact.e164, contact.mobile_country],
        "id_card": [papers.id_18, papers.id_x, papers.id_residence],
        "uscc": [papers.uscc, papers.uscc_letters],
        "bank_card": [papers.visa_mastercard, papers.visa_mastercard, papers.amex_diners, papers.unionpay],
        "passport": [papers.passport_digits, papers.passport_letter, papers.passport_cn, papers.passport_cn_new],
        "plate": [papers.plate, papers.plate_electric, papers.plate_dotted, papers.plate_special],
        "address": [*map(postal, (addresses.american, addresses.british, addresses.american, addresses.australian))],
        "qq": [contact.qq],
    },
}
SAME: dict[str, list[Make]] = {
    "ip": [machines.ipv4, machines.ipv4, machines.ipv6, machines.ipv6_short, machines.ipv4_port, machines.ipv6_mapped],
    "mac": [machines.mac_colon, machines.mac_dash, machines.mac_cisco],
    "url_credentials": [machines.url_credentials, machines.url_credentials, machines.url_password_only],
    "wechat": [contact.wechat, contact.wechat, contact.wechat_wxid],
    "api_key": [machines.api_key, machines.api_key, machines.api_key, machines.github, machines.jwt],
    "private_key": [machines.private_key, machines.private_key_escaped, machines.private_key_pgp],
}
for _forms in FORMS.values():
    _forms.update(SAME)
ENTITIES = tuple(FORMS["zh"])


def rows() -> Iterator[dict[str, Any]]:
    frames, labels = read_frames(), read_labels()
    for part in PARTS:
        for language in LANGUAGES:
            here = [f for f in frames if (f.part, f.language) == (part, language)]
            for entity in ENTITIES:
                names = labels[part, language, entity]
                general = [f for f in here if f.entity == "*"]
                special = [f for f in here if f.entity == entity]
                for i in range(POSITIVE[part]):
                    r = Random(f"{part} {language} {entity} {i}")
                    frame = r.choice(special if r.random() < 0.6 else general)
                    forms = FORMS[language][entity]
                    first = forms[i % len(forms)]
                    yield row(frame, entity, partial(next_form, [first, *forms], []), r.choice(names), r)
            plain = [f for f in here if f.entity == "-"]
            for i in range(NEGATIVE[part]):
                yield row(plain[i % len(plain)], "-", None, "", Random(f"{part} {language} - {i}"))


def next_form(forms: list[Make], used: list[Make], r: Random) -> Value:
    """The form whose turn it is, then any."""
    make = r.choice(forms) if used else forms[0]
    used.append(make)
    return make(r)


def row(frame: Frame, entity: str, make: Any, label: str, r: Random) -> dict[str, Any]:
    text, spans, at = "", [], 0
    for slot in SLOT.finditer(frame.text):
        text += frame.text[at : slot.start()]
        at, name = slot.end(), slot[1]
        if name == "label":
            text += label
        elif name.startswith("~"):
            text += LOOKALIKES[name[1:]](r)
        else:
            value = machines.assigned_secret(r) if name == "secret" else make(r)
            least = value.core or (0, len(value.text))
            if re.search("[A-Za-z]$", text) and re.match("[A-Za-z]", value.text):
                text += " "  # a label in Latin letters is not glued to letters: nobody could tell where the value begins
            spans.append(
                [len(text), len(text) + len(value.text), entity, value.text, len(text) + least[0], len(text) + least[1]]
            )
            text += value.text
    text += frame.text[at:]
    return {"text": text, "language": frame.language, "part": frame.part, "kind": frame.kind, "spans": spans}


def read_frames() -> list[Frame]:
    found = []
    for language in LANGUAGES:
        for line in (FOLDER / f"frames_{language}.tsv").read_text(encoding="utf-8").splitlines():
            part, kind, entity, text = line.split("\t")
            found.append(Frame(part, language, kind, entity, text.replace("\\n", "\n")))
    return found


def read_labels() -> dict[tuple[str, str, str], list[str]]:
    lines = (FOLDER / "labels.tsv").read_text(encoding="utf-8").splitlines()
    return {
        (part, language, entity): names.split("|") for part, language, entity, names in (line.split("\t") for line in lines)
    }


if __name__ == "__main__":
    for one in rows():
        sys.stdout.write(json.dumps(one, ensure_ascii=False) + "\n")
