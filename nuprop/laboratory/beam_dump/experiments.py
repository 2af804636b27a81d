"""The beam dumps of the literature."""

from __future__ import annotations

from nuprop.laboratory.beam_dump.curve import ANCHORS
from nuprop.laboratory.beam_dump.dump import ElectronDump
from nuprop.laboratory.beam_dump.material import ALUMINIUM, TUNGSTEN
from nuprop.laboratory.beam_dump.recast import RecastDump
from nuprop.laboratory.constraint import Constraint

_METHOD = ("bjorken2009", "andreas2012")

#: Beams, lengths, cuts and largest numbers of events: values as used by nuprop.
ELECTRON_DUMPS = {
    dump.name: dump
    for dump in (
        ElectronDump(
            name="e141",
            title="E141",
            references=("riordan1987", *_METHOD),
            level="95% CL",
            beam_energy="9 GeV",
            electrons=2e15,
            target=TUNGSTEN,
            shield="0.12 m",
            decay="35 m",
            cut="4.5 GeV",
            allowed=3419.0,
        ),
        ElectronDump(
            name="e137",
            title="E137",
            references=("bjorken1988", *_METHOD),
            level="95% CL",
            beam_energy="20 GeV",
            electrons=1.87e20,
            target=ALUMINIUM,
            shield="179 m",
            decay="204 m",
            cut="2 GeV",
            allowed=3.0,
        ),
        ElectronDump(
            name="e774",
            title="E774",
            references=("bross1991", *_METHOD),
            level="95% CL",
            beam_energy="275 GeV",
            electrons=5.2e9,
            target=TUNGSTEN,
            shield="0.3 m",
            decay="2 m",
            cut="27.5 GeV",
            allowed=18.0,
        ),
        ElectronDump(
            name="orsay",
            title="Orsay",
            references=("davier1989", *_METHOD),
            level="95% CL",
            beam_energy="1.6 GeV",
            electrons=2e16,
            target=TUNGSTEN,
            shield="1 m",
            decay="2 m",
            cut="0.75 GeV",
            allowed=3.0,
        ),
        ElectronDump(
            name="kek",
            title="KEK",
            references=("konaka1986", *_METHOD),
            level="95% CL",
            beam_energy="2.5 GeV",
            electrons=1.69e17,
            target=TUNGSTEN,
            shield="2.4 m",
            decay="2.2 m",
            cut="0.1 GeV",
            allowed=3.0,
        ),
    )
}


def _u70(name: str, title: str, references: tuple[str, ...], *curves: str) -> RecastDump:
    return RecastDump(
        name=name,
        title=title,
        references=(*references, "ilten2018"),
        level="of the published curve",
        quality="anchor",
        curves=tuple(ANCHORS[curve] for curve in curves),
        length_ratio=23.0 / 64.0,
        production="proton",
    )


#: nu-Cal I behind the 70 GeV protons of U70, at 10 and 100 MeV only: numbers read off published
#: curves, values as used by nuprop.
PROTON_DUMPS = {
    dump.name: dump
    for dump in (
        _u70(
            "u70",
            "U70 (ν-Cal I)",
            ("blumlein2011", "blumlein2014"),
            "u70-pi0",
            "u70-bremsstrahlung",
        ),
        _u70("u70-pi0", "U70 (ν-Cal I, π⁰)", ("blumlein2011",), "u70-pi0"),
        _u70(
            "u70-bremsstrahlung",
            "U70 (ν-Cal I, bremsstrahlung)",
            ("blumlein2014",),
            "u70-bremsstrahlung",
        ),
    )
}

#: Every bound of a dump, by name.
DUMPS: dict[str, Constraint] = {**ELECTRON_DUMPS, **PROTON_DUMPS}
