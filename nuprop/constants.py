"""Physical constants, one line each with its reference; GeV, cm, s."""

from math import pi, sqrt

# CODATA 2018 (Tiesinga et al. 2021, RMP 93, 025010); exact where the SI makes them exact.
SPEED_OF_LIGHT = 2.99792458e10  # cm/s, exact
HBAR_C = 1.973269804593025e-14  # GeV cm, from exact h, c, e
BOLTZMANN = 8.617333262145179e-14  # GeV/K, exact k_B / e
ALPHA_EM = 7.2973525693e-3  # fine-structure constant at q^2 = 0
AVOGADRO = 6.02214076e23  # 1/mol, exact
ATOMIC_MASS_UNIT = 0.93149410242  # GeV
PROTON_MOMENT = 2.79284734463  # nuclear magnetons
NEUTRON_MOMENT = -1.91304273  # nuclear magnetons

# IAU 2012 B2: the astronomical unit is exact, so is the parsec.
MEGAPARSEC = 3.085677581491367e24  # cm

# Particle Data Group (Workman et al. 2022, PTEP 2022, 083C01).
ELECTRON_MASS = 0.51099895e-3  # GeV
MUON_MASS = 0.1056583755  # GeV
TAU_MASS = 1.77686  # GeV
PROTON_MASS = 0.93827208816  # GeV
CHARGED_LEPTON_MASSES = (ELECTRON_MASS, MUON_MASS, TAU_MASS)

# Electroweak inputs: Particle Data Group (Tanabashi et al. 2018, PRD 98, 030001).
FERMI_CONSTANT = 1.1663787e-5  # GeV^-2
SIN2_THETA_W = 0.23122  # MS-bar at M_Z
W_MASS = 80.379  # GeV
Z_MASS = 91.1876  # GeV

# Fixsen 2009, ApJ 707, 916 (arXiv:0911.1955).
T_CMB = 2.7255  # K

# Riemann zeta(3), OEIS A002117.
ZETA_3 = 1.2020569031595942

#: cm^2 in 1 GeV^-2.
GEV_TO_MINUS_2 = HBAR_C**2
#: Square of the Higgs field's vacuum value, v^2 = 1/(sqrt(2) G_F) [GeV^2].
VACUUM_VALUE_SQUARED = 1.0 / (sqrt(2.0) * FERMI_CONSTANT)

ELEMENTARY_CHARGE = sqrt(4.0 * pi * ALPHA_EM)  # natural Heaviside-Lorentz units
