"""BibTeX of the papers behind a result."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib import resources

from nuprop.errors import ConfigError, nearest

_ACCENTS = {
    '"': "\u0308",
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    "~": "\u0303",
    "c": "\u0327",
}

# What every result rests on: the code, the transport equations, and the numerical libraries.
_ALWAYS = ("nuprop", "araki2016", "jax2018", "astropy2022")

_OSCILLATIONS = {
    "nufit-5.0": "esteban2020",
    "nufit-5.2": "esteban2020",
    "nufit-6.0": "esteban2024",
    "nufit-6.1": "esteban2026",
}

_EVOLUTIONS = {
    "yuksel-2008": "yuksel2008",
    "hopkins-beacom-2006": "hopkins2006",
    "hopkins-beacom-2006-cole": "hopkins2006",
    "madau-dickinson-2014": "madau2014",
    "strolger-2015": "strolger2015",
    "grb-araki-2016-continuous": "yuksel2007",
    "grb-araki-2016-literal": "yuksel2007",
    "grb-yuksel-kistler-2007": "yuksel2007",
    "wanderman-piran-2010": "wanderman2010",
    "lien-2014": "lien2014",
    "tde-sun-2015": "sun2015",
    "blazar-ajello-2015": "ajello2015",
    "fsrq-ajello-2012": "ajello2012",
    "bllac-ajello-2014": "ajello2014",
    "bllac-density-ajello-2014": "ajello2014",
    "agn-hasinger-2005": "hasinger2005",
    "qso-waxman-bahcall-1999": "waxman1999",
    "fr2-wall-2005": "wall2005",
}


def used(
    *,
    evolution: str | None = None,
    reference: str | None = None,
    oscillations: str | None = None,
    cosmology: str | None = None,
    sterile_relics: bool = False,
) -> tuple[str, ...]:
    """List the keys of the papers that a calculation rests on, for `bibtex`.

    Parameters
    ----------
    evolution : str, optional
        Name of the source evolution.
    reference : str, optional
        What the evolution gives as its reference; used if it is none of the built-in ones.
    oscillations : str, optional
        Name of the oscillation parameters, such as "nufit-6.0" or "nufit-6.0-no-sk".
    cosmology : str, optional
        Name of the cosmology, such as "Planck18".
    sterile_relics : bool
        Whether a sterile component of the relics has a part in it.

    Returns
    -------
    tuple of str
        Without repetition; names without a paper of their own add nothing.
    """
    keys = list(_ALWAYS)
    if evolution in _EVOLUTIONS:
        keys.append(_EVOLUTIONS[evolution])
    elif reference and " " in reference.strip() and "araki" not in (evolution or ""):
        keys.append(" ".join(reference.split()))
    if oscillations:
        keys.append(_OSCILLATIONS.get(oscillations.removesuffix("-no-sk"), ""))
    if cosmology and cosmology.lower() == "planck18":
        keys.append("planck2018")
    if sterile_relics:
        keys.append("chauhan2024")
    return tuple(dict.fromkeys(key for key in keys if key))


def bibtex(keys: Iterable[str]) -> str:
    """Write BibTeX entries.

    Parameters
    ----------
    keys : iterable of str
        Keys such as "araki2016"; `known` lists them. A reference in words (with a space in it),
        as third-party sources give, becomes a comment line.

    Raises
    ------
    ConfigError
        If a key is unknown.

    Examples
    --------
    >>> print(bibtex(["araki2016"]).splitlines()[0])
    @article{araki2016,
    """
    entries = _entries()
    parts = []
    for key in keys:
        if " " in key:
            parts.append(f"% also cite: {key}")
        elif key in entries:
            parts.append(entries[key])
        else:
            raise ConfigError(f"citation key {key!r} is unknown; {nearest(key, entries)}")
    return "\n\n".join(parts)


def short(key: str) -> str:
    """Write a reference as text does: "Araki et al. 2016".

    Parameters
    ----------
    key : str
        As for `bibtex`; a reference in words comes back as it is.

    Raises
    ------
    ConfigError
        If the key is unknown.

    Examples
    --------
    >>> print(short("araki2016"), short("hopkins2006"), short("astropy2022"), sep="; ")
    Araki et al. 2016; Hopkins & Beacom 2006; Astropy Collaboration 2022
    """
    entry = bibtex([key])
    if " " in key:
        return key
    fields = dict(re.findall(r"^  (author|year) = {(.*)},$", entry, re.MULTILINE))
    surnames = [_plain(name.split(",")[0]) for name in fields["author"].split(" and ")]
    if len(surnames) == 2 and surnames[1] != "others":
        return f"{surnames[0]} & {surnames[1]} {fields['year']}"
    return f"{surnames[0]}{' et al.' if len(surnames) > 1 else ''} {fields['year']}"


def known() -> tuple[str, ...]:
    """Name every paper that `bibtex` can write, in the order of the file."""
    return tuple(_entries())


def _plain(text: str) -> str:
    """Turn accents of TeX into letters, and drop braces."""
    accented = re.sub(
        r"""\\(["'`^~c])\s*{?(\w)}?""", lambda found: found[2] + _ACCENTS[found[1]], text
    )
    return unicodedata.normalize("NFC", accented.replace("{", "").replace("}", ""))


@cache
def _entries() -> dict[str, str]:
    text = (resources.files("nuprop") / "references.bib").read_text(encoding="utf-8")
    blocks = [block.strip() for block in text.split("\n\n") if block.strip()]
    return {block[block.index("{") + 1 : block.index(",")]: block for block in blocks}
