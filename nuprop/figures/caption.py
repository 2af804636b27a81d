"""What stands under a figure."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 112  # characters
_FORMULA = re.compile(r"\$[^$]*\$")
_UNBROKEN = "\N{NO-BREAK SPACE}"


def write_caption(figure: Figure, text: str) -> None:
    """Write a caption in small print, broken into lines outside formulas, below all panels."""
    whole = _FORMULA.sub(lambda found: found.group().replace(" ", _UNBROKEN), text)
    lines = textwrap.fill(whole, _WIDTH, break_on_hyphens=False, break_long_words=False)
    figure.supxlabel(lines.replace(_UNBROKEN, " "), fontsize=7.5, color="0.25")
