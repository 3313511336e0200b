"""Papers and accounts of other countries, found by presidio's own recognisers under presidio's names.

Of those that presidio brings, the ones whose form or checksum tells them without words beside them. A line is shown to them
only if it holds what all of them need, with spaces for all that is not ASCII: they know boundaries by `\\b`, which sees none
between a Han character and a letter.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

FOREIGN = {
    "AU_MEDICARE": "AuMedicareRecognizer",
    "AU_TFN": "AuTfnRecognizer",
    "CA_SIN": "CaSinRecognizer",
    "CRYPTO": "CryptoRecognizer",
    "DE_ID_CARD": "DeIdCardRecognizer",
    "DE_SOCIAL_SECURITY": "DeSocialSecurityRecognizer",
    "DE_TAX_ID": "DeTaxIdRecognizer",
    "ES_NIE": "EsNieRecognizer",
    "ES_NIF": "EsNifRecognizer",
    "FI_PERSONAL_IDENTITY_CODE": "FiPersonalIdentityCodeRecognizer",
    "IBAN_CODE": "IbanRecognizer",
    "IN_AADHAAR": "InAadhaarRecognizer",
    "IN_PAN": "InPanRecognizer",
    "IT_FISCAL_CODE": "ItFiscalCodeRecognizer",
    "KR_RRN": "KrRrnRecognizer",
    "MEDICAL_LICENSE": "MedicalLicenseRecognizer",
    "PL_PESEL": "PlPeselRecognizer",
    "SE_PERSONNUMMER": "SePersonnummerRecognizer",
    "SG_NRIC_FIN": "SgFinRecognizer",
    "TH_TNIN": "ThTninRecognizer",
    "TR_NATIONAL_ID": "TrNationalIdRecognizer",
    "UK_NHS": "NhsRecognizer",
    "UK_NINO": "UkNinoRecognizer",
    "US_ITIN": "UsItinRecognizer",
    "US_MBI": "UsMbiRecognizer",
    "US_SSN": "UsSsnRecognizer",
    "ZA_ID_NUMBER": "ZaIdNumberRecognizer",
}
LIBRARIES = ("presidio-analyzer",)

_SURE = 0.5  # of presidio's scores, which are 1 where a checksum is right
_HINT = "[0-9]{2}|[A-Za-z0-9]{26}"
_LINE = re.compile("[^\r\n]{1,2000}")
_HINTED = re.compile(_HINT)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def find_foreign(texts: pa.Array, names: Sequence[str]) -> Iterator[tuple[int, int, int, str]]:
    """(row, start, end, name) of all that the recognisers of these names find."""
    recognizers = [(name, _recognizer(name)) for name in names]
    column = texts.cast(pa.large_string()) if pa.types.is_string_view(texts.type) else texts
    hinted = pc.fill_null(pc.match_substring_regex(column, _HINT), False)
    for row in pc.indices_nonzero(hinted).to_pylist():
        for line in _LINE.finditer(texts[row].as_py()):
            if _HINTED.search(line[0]):
                shown = _BEYOND_ASCII.sub(" ", line[0])
                for name, recognizer in recognizers:
                    for result in recognizer.analyze(shown, [name], None) or ():
                        if result.score >= _SURE:
                            yield row, line.start() + result.start, line.start() + result.end, name


def check_foreign() -> None:
    """Raises ValueError where presidio is not installed."""
    import importlib.util

    if importlib.util.find_spec("presidio_analyzer") is None:
        raise ValueError("entities: those in capitals are found by presidio: pip install 'curator[pii]'")


@functools.cache
def _recognizer(name: str) -> Any:
    from presidio_analyzer import predefined_recognizers

    return getattr(predefined_recognizers, FOREIGN[name])()
