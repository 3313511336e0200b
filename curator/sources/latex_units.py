r"""Units of the package siunitx as a reader sees them: `\kilo\gram\per\second\squared` is `kg/s²`."""

from __future__ import annotations

from collections.abc import Sequence

_PREFIXES = """
quecto q ronto r yocto y zepto z atto a femto f pico p nano n micro µ milli m centi c deci d deca da deka da hecto h kilo k
mega M giga G tera T peta P exa E zetta Z yotta Y ronna R quetta Q kibi Ki mebi Mi gibi Gi tebi Ti
"""
_UNITS = """
ampere A candela cd kelvin K kilogram kg metre m meter m mole mol second s becquerel Bq degreeCelsius °C celsius °C coulomb C
farad F gray Gy hertz Hz henry H joule J lumen lm katal kat lux lx newton N ohm Ω pascal Pa radian rad siemens S sievert Sv
steradian sr tesla T volt V watt W weber Wb day d degree ° hour h hectare ha litre L liter L minute min tonne t arcminute ′
arcsecond ″ dalton Da electronvolt eV astronomicalunit au bel B decibel dB neper Np gram g percent % angstrom Å byte B
atomicmassunit u parsec pc year yr lightyear ly barn b ug µg um µm us µs uA µA uL µL
"""


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2]))


_SIGNS, _NAMES = _pairs(_PREFIXES), _pairs(_UNITS)
_POWERS = {"squared": "²", "cubed": "³", "square": "²", "cubic": "³"}


def unit(found: Sequence[str]) -> str:
    """The unit in an argument's tokens; one that has no sign here is called by its name, as are short forms (`\\kHz`)."""
    out: list[str] = []
    before = power = ""  # a prefix, and the power that `\\square` names, of the unit that follows
    for token in found:
        name = token[1:]
        if token[0] != "\\":
            out.append(token.strip(" \n{}").replace("~", "·"))
        elif name in _SIGNS:
            before = _SIGNS[name]
        elif name in ("square", "cubic"):
            power = _POWERS[name]
        elif name in _POWERS:
            out.append(_POWERS[name])
        elif name == "per":
            out.append("/")
        else:
            out += ["·"] if out and out[-1] not in ("", "/") else []
            out.append(f"{before}{_NAMES.get(name, name)}{power}")
            before = power = ""
    return "".join(out)
