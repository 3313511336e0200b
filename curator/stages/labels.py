"""The labels of language models as one kind of code: ISO 639-1 where there is one, else ISO 639-3.

lid.176 says `zh`, `en`, `wuu`; GlotLID and FineWeb-2 `cmn_Hani`, `eng_Latn`, `yue_Hani`; OpenLID and NLLB `zho_Hans`; others
`zh-Hant`, `zh-cn`. Several labels may stand for one language: their probabilities are added.
"""

from __future__ import annotations

import re

# The varieties of Chinese that are written in Han characters: zh is Mandarin, whose written form is everyone's.
ZH_FAMILY = ("zh", "yue", "lzh", "wuu", "cdo", "cjy", "cpx", "czh", "czo", "gan", "hak", "hsn", "mnp", "nan")
UNDETERMINED = "und"  # ISO 639-2, for a text whose language cannot be told

# ISO 639-3 (SIL International) to ISO 639-1; the macrolanguages, and the largest member of those whose members models name.
_SHORTENED = """
aar:aa abk:ab afr:af aka:ak amh:am ara:ar arb:ar arg:an asm:as ava:av ave:ae aym:ay ayr:ay aze:az azj:az bak:ba bam:bm bel:be
ben:bn bis:bi bod:bo bos:bs bre:br bul:bg cat:ca ces:cs cha:ch che:ce chu:cu chv:cv cmn:zh cor:kw cos:co cre:cr cym:cy dan:da
deu:de div:dv dzo:dz ekk:et ell:el eng:en epo:eo est:et eus:eu ewe:ee fao:fo fas:fa fij:fj fin:fi fra:fr fry:fy ful:ff gla:gd
gle:ga glg:gl glv:gv grn:gn gug:gn guj:gu hat:ht hau:ha heb:he her:hz hin:hi hmo:ho hrv:hr hun:hu hye:hy ibo:ig ido:io iii:ii
iku:iu ile:ie ina:ia ind:id ipk:ik isl:is ita:it jav:jv jpn:ja kal:kl kan:kn kas:ks kat:ka kau:kr kaz:kk khk:mn khm:km kik:ki
kin:rw kir:ky kom:kv kon:kg kor:ko kua:kj kur:ku kmr:ku lao:lo lat:la lav:lv lvs:lv lim:li lin:ln lit:lt ltz:lb lub:lu lug:lg
mah:mh mal:ml mar:mr mkd:mk mlg:mg plt:mg mlt:mt mon:mn mri:mi msa:ms zsm:ms mya:my nau:na nav:nv nbl:nr nde:nd ndo:ng nep:ne
npi:ne nld:nl nno:nn nob:nb nor:no nya:ny oci:oc oji:oj ori:or ory:or orm:om gaz:om oss:os pan:pa pes:fa pli:pi pol:pl por:pt
pus:ps pbt:ps que:qu quy:qu roh:rm ron:ro run:rn rus:ru sag:sg san:sa sin:si slk:sk slv:sl sme:se smo:sm sna:sn snd:sd som:so
sot:st spa:es sqi:sq als:sq srd:sc srp:sr ssw:ss sun:su swa:sw swh:sw swe:sv tah:ty tam:ta tat:tt tel:te tgk:tg tgl:tl tha:th
tir:ti ton:to tsn:tn tso:ts tuk:tk tur:tr twi:tw uig:ug ukr:uk urd:ur uzb:uz uzn:uz ven:ve vie:vi vol:vo wln:wa wol:wo xho:xh
yid:yi ydd:yi yor:yo zha:za zho:zh zul:zu
"""
_SHORT = {pair[:3]: pair[4:] for pair in _SHORTENED.split()}
_LABEL = re.compile(r"([A-Za-z]{2,3})(?:[_-]([A-Za-z]{2,4}|[0-9]{3}))?(?:[_-][A-Za-z0-9]+)*\Z")
_UNKNOWN = {"un", "und", "unk", "unknown", "zxx", "mul", "mis"}


def known_codes() -> frozenset[str]:
    """ISO 639-1, the Chinese of ZH_FAMILY, and `und`: what the labels of most models come to."""
    return frozenset([*_SHORT.values(), *ZH_FAMILY, UNDETERMINED])


def language_code(label: str) -> str:
    """`zh` of zh, zh-Hant, zh_CN, cmn_Hani and zho_Hans; `nan_Latn` of itself, for written in letters it is not the Chinese of
    ZH_FAMILY; a label that is no language code stays as it is. lid.176's `als` is Alemannic: a bare code is not renamed."""
    if label.lower() in _UNKNOWN:
        return UNDETERMINED
    match = _LABEL.match(label)
    if match is None:
        return label
    language, script = match[1].lower(), (match[2] or "").title()
    if language == "und":
        return UNDETERMINED
    code = _SHORT.get(language, language) if script or language not in ("als",) else language
    latin = code in ZH_FAMILY and script not in ("", "Hani", "Hans", "Hant") and len(script) == 4
    return f"{code}_{script}" if latin else code
