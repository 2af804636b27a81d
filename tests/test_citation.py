"""BibTeX: well-formed entries, and one for everything that a result can rest on."""

import re

import pytest

from nuprop.citation import bibtex, known, used
from nuprop.errors import ConfigError
from nuprop.neutrinos import oscillation_sets
from nuprop.sources import available


@pytest.mark.parametrize("key", known())
def test_every_entry_is_well_formed(key):
    entry = bibtex([key])
    assert re.match(rf"@\w+{{{key},\n", entry)
    assert entry.count("{") == entry.count("}")
    fields = dict(re.findall(r"^  (\w+) = {(.*)},$", entry, re.MULTILINE))
    assert {"author", "title", "year"} <= set(fields)
    assert re.fullmatch(r"(19|20)\d\d", fields["year"])
    if "eprint" in fields:
        assert re.fullmatch(r"\d{4}\.\d{4,5}|(astro-ph|hep-ex|hep-ph)/\d{7}", fields["eprint"])
    if fields.get("journal") and "eprint" in fields and "." in fields["eprint"]:
        preprint = 2000 + int(fields["eprint"][:2])
        assert 0 <= int(fields["year"]) - preprint <= 2  # published within two years


def test_keys_of_a_whole_calculation():
    keys = used(evolution="yuksel-2008", oscillations="nufit-6.0-no-sk", cosmology="Planck18")
    assert keys[:2] == ("nuprop", "araki2016")
    assert {"yuksel2008", "esteban2024", "planck2018", "jax2018", "astropy2022"} <= set(keys)
    assert bibtex(keys).count("@") == len(keys)


@pytest.mark.parametrize("name", oscillation_sets())
def test_every_oscillation_set_has_a_paper(name):
    assert any("esteban" in key for key in used(oscillations=name))


@pytest.mark.parametrize("entry", available("evolution"), ids=lambda entry: entry.name)
def test_every_evolution_from_a_paper_adds_it(entry):
    keys = used(evolution=entry.name, reference=entry.reference)
    from_paper = re.search(r"\d{4}", entry.name)
    assert len(keys) > 4 or not from_paper or "araki" in entry.name
    assert bibtex(keys)


def test_a_foreign_reference_becomes_a_comment():
    keys = used(evolution="mine", reference="Someone et al. 2030,\n arXiv:3001.00001")
    assert keys[-1] == "Someone et al. 2030, arXiv:3001.00001"
    assert bibtex(keys).splitlines()[-1] == "% also cite: Someone et al. 2030, arXiv:3001.00001"


def test_unknown_key_names_the_nearest():
    with pytest.raises(ConfigError, match=r"'araki2018'.*did you mean.*'araki2016'"):
        bibtex(["araki2018"])
