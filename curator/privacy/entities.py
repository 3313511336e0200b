"""The kinds of private data that are found, by name, and what finds each."""

from __future__ import annotations

from curator.privacy.accounts import QQS, WECHATS
from curator.privacy.addresses import ADDRESSES
from curator.privacy.finders import Finder
from curator.privacy.keys import API_KEYS, PRIVATE_KEYS
from curator.privacy.network import EMAILS, IPS, MACS, URL_CREDENTIALS
from curator.privacy.numbers import BANK_CARDS, CREDIT_CODES, ID_CARDS, PASSPORTS, PLATES
from curator.privacy.phones import PHONES

# Where two begin and end alike, the earlier named is meant.
ENTITIES: dict[str, tuple[Finder, ...]] = {
    "private_key": PRIVATE_KEYS,
    "api_key": API_KEYS,
    "url_credentials": URL_CREDENTIALS,
    "email": EMAILS,
    "id_card": ID_CARDS,
    "uscc": CREDIT_CODES,
    "bank_card": BANK_CARDS,
    "phone": PHONES,
    "passport": PASSPORTS,
    "plate": PLATES,
    "ip": IPS,
    "mac": MACS,
    "qq": QQS,
    "wechat": WECHATS,
    "address": ADDRESSES,
}
