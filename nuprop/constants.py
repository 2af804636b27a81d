"""Physical constants, one line each with its reference; GeV, cm, s."""

from math import pi, sqrt

# CODATA 2018 (Tiesinga et al. 2021, RMP 93, 025010); exact where the SI makes them exact.
SPEED_OF_LIGHT = 2.99792458e10  # cm/s, exact
HBAR_C = 1.973269804593025e-14  # GeV cm, from exact h, c, e
BOLTZMANN = 8.617333262145179e-14  # GeV/K, exact k_B / e
ALPHA_EM = 7.2973525693e-3  # fine-structure constant at q^2 = 0

# IAU 2012 B2: the astronomical unit is exact, so is the parsec.
MEGAPARSEC = 3.085677581491367e24  # cm

# Particle Data Group (Workman et al. 2022, PTEP 2022, 083C01).
ELECTRON_MASS = 0.51099895e-3  # GeV
MUON_MASS = 0.1056583755  # GeV
TAU_MASS = 1.77686  # GeV
SIN2_THETA_W = 0.23121  # MS-bar at M_Z
CHARGED_LEPTON_MASSES = (ELECTRON_MASS, MUON_MASS, TAU_MASS)

# Fixsen 2009, ApJ 707, 916 (arXiv:0911.1955).
T_CMB = 2.7255  # K

# Riemann zeta(3), OEIS A002117.
ZETA_3 = 1.2020569031595942

ELEMENTARY_CHARGE = sqrt(4.0 * pi * ALPHA_EM)  # natural Heaviside-Lorentz units
