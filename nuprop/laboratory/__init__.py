"""The same boson in the laboratory."""
