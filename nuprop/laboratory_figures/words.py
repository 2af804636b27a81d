"""Titles of figures as plain text."""

from __future__ import annotations

import re

_SIGNS = {r"\mu": "μ", r"\tau": "τ", r"\gamma": "γ", r"\Delta": "Δ", r"\nu": "ν", r"\pi": "π"}


def without_mathtext(title: str) -> str:
    r"""Write a title with mathtext as plain text.

    Examples
    --------
    >>> without_mathtext(r"$(g-2)_{\mu}$, PDG 2014"), without_mathtext(r"$\Delta N_\mathrm{eff}$")
    ('(g-2)_μ, PDG 2014', 'ΔN_eff')
    """
    text = re.sub(r"\\mathrm{(\w+)}", r"\1", title)
    for command, sign in _SIGNS.items():
        text = re.sub(re.escape(command) + r"\b ?", sign, text)
    return re.sub(r"[${}]", "", text)
