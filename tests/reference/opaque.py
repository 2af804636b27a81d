"""All channels on relics at rest or in motion, solved once more: plain numpy, a stiff integrator.

Along each comoving energy eps = e^y, with u = ln(1 + z) falling from u_max to 0,

    -dN_v/du = rate(u) share_v Q(eps e^u) - kappa_v N_v + sum_w int_y dy' N_w(y') Y_vw(x, r'),

x = e^(y - y'), r' = s/M^2 of the beam. From the highest y down, each N_v(u) is followed by the
Radau method of order 5 (three stages, stiffly accurate), steps of two or so energy cells.

Every differential cross section, typed from the amplitudes, is a sum of Re[c P(r)] f(x) and
Re[c f(x, r)], P = r/(r - r0), r0 = 1 - i Gamma/M: products of P with a propagator fall into these
by P/(1 + r y) = [P - r y/(1 + r y)]/(1 + r0 y). Averages of P over the relics' motion are sums with
the weights of sinc interpolation, exact for any Gamma. N is interpolated by cubics in y, the
smooth f(x, r) is integrated over them by Gauss-Legendre panels that close in on x = 1, tabulated in
ln r, averaged over W, and factorized in (ln r, distance) by singular values.
"""

from dataclasses import dataclass

import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_NODES, _WEIGHTS = 0.5 * (_NODES + 1.0), 0.5 * _WEIGHTS
#: Radau IIA of order 5.
_ROOT = np.sqrt(6.0)
RADAU = np.array(
    [
        [(88 - 7 * _ROOT) / 360, (296 - 169 * _ROOT) / 1800, (-2 + 3 * _ROOT) / 225],
        [(296 + 169 * _ROOT) / 1800, (88 + 7 * _ROOT) / 360, (-2 - 3 * _ROOT) / 225],
        [(16 - _ROOT) / 36, (16 + _ROOT) / 36, 1 / 9],
    ]
)
STAGES = np.sum(RADAU, axis=1)
_ZETA_3 = 1.2020569031595942
#: Momenta beyond the threshold, in units of T.
_PANELS = np.array([0.0, 0.05, 0.25, 1.0, 3.0, 8.0, 18.0, 40.0])
_T = (_PANELS[:-1, None] + np.diff(_PANELS)[:, None] * _NODES).ravel()
_T_WEIGHTS = (np.diff(_PANELS)[:, None] * _WEIGHTS).ravel()


def line(w, r, targets="majorana"):
    """W phi(W), w = W/T, r = m/T: Majorana, or Dirac targets of a vector or flipped ones."""
    q = np.abs(w**2 - r**2)[..., None] / (2.0 * w[..., None]) + _T
    e = np.hypot(q, r[..., None])
    occupied = 1.0 / (np.exp(np.minimum(q, 700.0)) + 1.0)
    if targets == "majorana":
        seen = w[..., None] * q / e
    else:
        sign = 1.0 if targets == "dirac" else -1.0
        seen = 0.5 * (w[..., None] * (q / e + sign) - sign * r[..., None] ** 2 / e)
    return w * ((occupied * seen) @ _T_WEIGHTS) / (3.0 * _ZETA_3)


# ------------------------------------------------------------------------------ cross sections


@dataclass
class Poles:
    """Re[c P] f(x): c (v, w, j) complex, f of x."""

    coupling: np.ndarray
    shape: object
    line: bool = False  # the square of the s channel


@dataclass
class Smooth:
    """Re[c f(x, r)]."""

    coupling: np.ndarray
    shape: object


def _rows(nu, bar, n_channels):
    """[out species relative to the beam, beam i, target j, k] to [v, w, j]."""
    if n_channels == 1:
        return np.moveaxis(0.5 * (np.sum(nu, axis=0) + np.sum(bar, axis=0)), 2, 0)
    whole = np.zeros((2, 3, 2, 3, 3), dtype=complex)
    for beam, tensor in enumerate((nu, bar)):
        for out in range(2):
            whole[out ^ beam, :, beam] = np.moveaxis(tensor[out], 2, 0)
    return whole.reshape(6, 6, 3)


def _placed(species, tensor):
    both = np.zeros((2, 3, 3, 3), dtype=complex)
    both[species] = tensor
    return both


def vector(g, gamma, n_channels=1):
    """Sums over the other outgoing neutrino of the squared amplitudes of a vector boson."""
    r0 = 1.0 - 1j * gamma

    def propagator(y, r):
        return 1.0 / (1.0 + r * y)

    # nu_i nubar_j -> nu_k nubar_l: x^2 |a/D - b t|^2, x that of k, and 1 - x that of l
    def opposite(g):
        a, b = np.einsum("ji,kl->ijkl", g, g), np.einsum("ki,jl->ijkl", g, g)
        return [
            (np.sum(p * q.conj(), axis=3), np.sum(p * q.conj(), axis=2))
            for p, q in ((a, a), (a, b), (b, b))
        ]

    # nu_i nu_j -> nu_k nu_l: |c t + e t'|^2
    def same(g):
        c, e = np.einsum("ki,lj->ijkl", g, g), np.einsum("li,kj->ijkl", g, g)
        return [np.sum(p * q.conj(), axis=3) for p, q in ((c, c), (e, e), (c, e))]

    poles, smooth = [], []
    unit = 1.0 / (4.0 * np.pi)
    for species in (0, 1):
        pair = [
            _rows(_placed(species, p[species]), _placed(species, q[species]), n_channels)
            for p, q in zip(opposite(g), opposite(g.conj()), strict=True)
        ]

        def kept(x, species=species):
            return (x, 1.0 - x) if species == 0 else (1.0 - x, x)

        def square(x, kept=kept):
            return kept(x)[0] ** 2

        def pole(x, kept=kept):
            x, y = kept(x)
            return x**2 * propagator(y, r0)

        def rest(x, r, kept=kept):
            x, y = kept(x)
            return x**2 * propagator(y, r0) * r * y * propagator(y, r)

        def exchange(x, r, kept=kept):
            x, y = kept(x)
            return r * x**2 * propagator(y, r) ** 2

        poles.append(Poles(1j * unit * pair[0] / gamma, square, line=True))
        poles.append(Poles(-2.0 * unit * pair[1], pole))
        smooth.append(Smooth(2.0 * unit * pair[1], rest))
        smooth.append(Smooth(unit * pair[2], exchange))
    direct, crossed, mixed = (
        _rows(_placed(0, p), _placed(0, q), n_channels)
        for p, q in zip(same(g), same(g.conj()), strict=True)
    )
    smooth.append(Smooth(unit * direct, lambda x, r: r * propagator(1.0 - x, r) ** 2))
    smooth.append(Smooth(unit * crossed, lambda x, r: r * propagator(x, r) ** 2))
    smooth.append(
        Smooth(2.0 * unit * mixed, lambda x, r: r * propagator(x, r) * propagator(1.0 - x, r))
    )
    return poles, smooth


def scalar(coupling, gamma, complex_field=False, n_channels=1):
    """Squared amplitudes of a scalar that couples active neutrinos to each other."""
    r0 = 1.0 - 1j * gamma
    unit = 1.0 / (16.0 * np.pi)

    def tensors(m):
        return (
            np.einsum("ij,kl->ijkl", m, m),
            np.einsum("ik,jl->ijkl", m, m),
            np.einsum("il,jk->ijkl", m, m),
        )

    def summed(function, species, axis=3):
        nu, bar = (
            _placed(species, np.sum(function(*tensors(m)), axis=axis))
            for m in (coupling, coupling.conj())
        )
        return _rows(nu, bar, n_channels)

    def ratio(y, r):
        """T/r for t = -r y."""
        return y / (1.0 + r * y)

    def pole_of(y):
        return y / (1.0 + r0 * y)

    line_coupling = summed(lambda a, b, c: np.abs(a) ** 2, 0)
    if not complex_field:
        line_coupling = line_coupling + summed(lambda a, b, c: np.abs(a) ** 2, 1)
    poles = [Poles(1j * unit * line_coupling / gamma, np.ones_like, line=True)]
    # nu_i nubar_j -> nu_k nubar_l: |lambda_il lambda_jk|^2 U^2 with the x of k
    smooth = [
        Smooth(unit * summed(lambda a, b, c: np.abs(c) ** 2, 0), lambda x, r: r * ratio(x, r) ** 2),
        Smooth(
            unit * summed(lambda a, b, c: np.abs(c) ** 2, 1, axis=2),
            lambda x, r: r * ratio(1.0 - x, r) ** 2,
        ),
    ]
    if complex_field:
        return poles, smooth
    # nu_i nu_j -> nubar_k nubar_l: |a P + b T + c U|^2
    for function, turned in (
        (lambda a, b, c: a * b.conj(), True),
        (lambda a, b, c: a * c.conj(), False),
    ):
        tensor = 2.0 * unit * summed(function, 1)

        def of(x, turned=turned):
            return 1.0 - x if turned else x

        poles.append(Poles(tensor, lambda x, of=of: pole_of(of(x))))
        smooth.append(Smooth(-tensor, lambda x, r, of=of: pole_of(of(x)) * r * ratio(of(x), r)))
    smooth.append(
        Smooth(
            unit * summed(lambda a, b, c: np.abs(b) ** 2, 1),
            lambda x, r: r * ratio(1.0 - x, r) ** 2,
        )
    )
    smooth.append(
        Smooth(unit * summed(lambda a, b, c: np.abs(c) ** 2, 1), lambda x, r: r * ratio(x, r) ** 2)
    )
    smooth.append(
        Smooth(
            2.0 * unit * summed(lambda a, b, c: b * c.conj(), 1),
            lambda x, r: r * ratio(x, r) * ratio(1.0 - x, r),
        )
    )
    return poles, smooth


# ------------------------------------------------------------------------------ averages over W


@dataclass
class Target:
    """Relics: masses (3,) > 0 or thermal, today's temperature or None, which chirality is seen."""

    masses: np.ndarray
    temperature: float | None = None
    targets: str = "majorana"

    def logs(self, j, u, spacing):
        """ln W and ln(W) weights of W phi(W) for state j at one redshift."""
        if self.temperature is None:
            return np.log(self.masses[j : j + 1]), np.array(
                [1.0 if self.targets == "majorana" else 0.5]
            )
        t = self.temperature * np.exp(u)
        m = self.masses[j] / t
        reach = 60.0  # |W^2 - m^2|/(2 W T) at the ends
        high, low = np.log(reach + np.hypot(reach, m)), np.log(np.hypot(reach, m) - reach + 1e-300)
        low = max(low, -12.0)
        n = np.arange(np.floor((low + np.log(t)) / spacing), np.ceil((high + np.log(t)) / spacing))
        w = np.exp(n * spacing) / t
        values = line(w, np.broadcast_to(m, w.shape), self.targets)
        keep = values > 1e-9 * np.max(values)
        return (n * spacing)[keep], (spacing * values)[keep]

    def strides(self, j, u, d, fineness):
        """How many points of an average over W there are in d."""
        if self.temperature is None:
            return 1
        width = self.temperature * np.exp(u) / max(self.masses[j], 1e-30)
        return max(1, int(np.ceil(d / (fineness * width))))

    def few(self, j, u, fineness):
        """`logs` for functions that vary slowly: on a grid of _LOG_STEP, with the same moments."""
        if self.temperature is None:
            return self.logs(j, u, 1.0)
        spacing = _LOG_STEP / self.strides(j, u, _LOG_STEP, fineness)
        w, weights = self.logs(j, u, spacing)
        first = w[0] - 3.0 * _LOG_STEP
        size = int(np.ceil((w[-1] - first) / _LOG_STEP)) + 4
        indices, shares = _lagrange((w - first) / _LOG_STEP, size)
        deposited = np.zeros(size)
        np.add.at(deposited, indices, shares * weights[:, None])
        return first + _LOG_STEP * np.arange(size), deposited


def pole(t, gamma):
    """r/(r - 1 + i gamma) at t = ln r."""
    return 1.0 / (1.0 - (1.0 - 1j * gamma) * np.exp(-t))


def sampled_pole(t, gamma, spacing):
    """The same, such that sums with `spacing` give integrals: sinc interpolation of the rest."""
    place = np.log(1.0 - 1j * gamma)
    near = t - place
    near = np.where(np.abs(near) < 1e-9 * spacing, 1e-9 * spacing, near)
    rest = 1.0 / -np.expm1(-near) - 1.0 / near
    return rest - np.expm1(1j * np.pi * near / spacing) / near


def _lagrange(position, size, width=6):
    """Indices and weights of polynomial interpolation on a grid of `size` points."""
    first = np.clip(np.floor(position).astype(int) - width // 2 + 1, 0, size - width)
    indices = first[..., None] + np.arange(width)
    away = position[..., None] - indices
    weights = np.ones(away.shape)
    for a in range(width):
        for b in range(width):
            if a != b:
                weights[..., a] *= away[..., b] / (a - b)
    return indices, weights


def _cubic(position):
    """Weights of the nodes -1..2, or 0..3 if `position` counts from the first of four."""
    weights = np.ones((4, *np.shape(position)))
    for a in range(4):
        for b in range(4):
            if a != b:
                weights[a] *= (position - b) / (a - b)
    return weights


@dataclass
class Distances:
    """Quadrature over distances in y of N interpolated between nodes: cells of width d."""

    d: float
    count: int
    closing: int = 45

    def __post_init__(self):
        d, n = self.d, self.count
        ends = np.concatenate([[0.0], 0.5 ** np.arange(self.closing, -1, -1)])
        near = (ends[:-1, None] + np.diff(ends)[:, None] * _NODES).ravel()
        near_weights = (np.diff(ends)[:, None] * _WEIGHTS).ravel()
        far = (np.arange(1.0, n)[:, None] + _NODES).ravel()
        self.away = np.concatenate([near, far]) * d
        self.weights = np.concatenate([near_weights, np.tile(_WEIGHTS, n - 1)]) * d
        self.near = near.size
        self.first = _cubic(near)
        self.inner = _cubic(_NODES + 1.0)

    def folded(self, values):
        """Integrals over cells to weights of the nodes 0, 1, ..., count - 1; last axis."""
        values = values * self.weights
        out = np.zeros((*values.shape[:-1], self.count + 3), dtype=values.dtype)
        out[..., :4] = values[..., : self.near] @ self.first.T
        cells = values[..., self.near :].reshape(*values.shape[:-1], self.count - 1, -1)
        parts = cells @ self.inner.T
        for a in range(4):
            out[..., a : a + self.count - 1] += parts[..., a]
        return out[..., : self.count]


# ------------------------------------------------------------------------------ the solver

#: Re(a b) = Re(a) Re(b) - Im(a) Im(b).
_PARTS = ((1.0, np.real), (-1.0, np.imag))

_LOG_STEP = 0.04
_CHEBYSHEV = 6


@dataclass
class Opaque:
    """A problem in y = ln(energy/GeV) and u = ln(1 + z).

    Attributes
    ----------
    target : Target
    mass, gamma : M [GeV], Gamma/M
    poles, smooth : cross sections in units of M^-2
    branching : share of resonant decays into active neutrinos
    scale : function of u, n c/H (hbar c/M)^2 for one helicity
    source : function of (y, u), rate(u) Q(e^(y + u))
    shares : (rows,)
    """

    target: Target
    mass: float
    gamma: float
    poles: list
    smooth: list
    scale: object
    source: object
    shares: np.ndarray
    u_max: float
    branching: float = 1.0

    def solve(self, low, high, d, steps_of=2, fineness=0.4):
        """y rising, flux (rows, n_y) and free flux (n_y,) today.

        Parameters
        ----------
        low, high : ends in y; nothing is emitted above.
        d : spacing in y, changed a little to divide u_max.
        steps_of : energy cells in one step of u
        fineness : spacing of averages over W, in widths T/m of a line; no more than d
        """
        n_steps = int(np.ceil(self.u_max / (steps_of * d)))
        d = self.u_max / (n_steps * steps_of)
        n = int(np.ceil((high - low) / d)) + 1
        y = high - d * np.arange(n - 1, -1, -1)
        step = self.u_max / n_steps
        u = self.u_max - step * (np.arange(n_steps)[:, None] + STAGES)
        diagonal = steps_of * (n_steps - np.arange(n_steps)) - steps_of  # of the third stage
        n_diagonals = n + steps_of * n_steps
        rows = self.shares.size
        distances = Distances(d, n)

        scale = self.scale(u)
        averages = self._pole_averages(y, u, fineness)  # (steps, 3 stages, j, n) complex
        basis, coefficients, losses = self._smooth_tables(y, d, n_diagonals, step, distances)
        position = np.cos(np.pi * (np.arange(_CHEBYSHEV) + 0.5) / _CHEBYSHEV)
        middle = self.u_max * 0.5 * (1.0 + position)
        if self.target.temperature is None:
            between = np.ones((n_steps, 3, 1))
        else:
            between = np.stack(
                [
                    np.prod(
                        [
                            (u - middle[b]) / (middle[a] - middle[b])
                            for b in range(_CHEBYSHEV)
                            if b != a
                        ],
                        axis=0,
                    )
                    for a in range(_CHEBYSHEV)
                ],
                axis=-1,
            )
        shapes = [
            distances.folded(np.asarray(p.shape(np.exp(-distances.away)), dtype=complex))
            for p in self.poles
        ]
        whole = [self._pole_loss(p.shape) for p in self.poles]

        columns = 3 * n_steps
        history = np.zeros((n, columns, rows))
        parts = [
            [(p, sign, part(s)) for sign, part in _PARTS if np.any(part(s))]
            for p, s in zip(self.poles, shapes, strict=True)
        ]
        parts = [one for pole_parts in parts for one in pole_parts]
        fields = np.zeros((len(parts), n, columns, rows))
        emitted_at = self.source(y[:, None, None], u)
        flux = np.zeros((rows, n))
        free = np.zeros(n)
        stage = np.arange(3)
        ones = np.ones((3, 1))
        for k in range(n - 1, -1, -1):
            at = diagonal + k
            chosen = coefficients[:, stage[None, :], at[:, None]]  # (c, steps, 3, v, w, rank)
            table = np.einsum("sac,csavwr->savwr", between, chosen)
            lost = np.einsum("sac,csaw->saw", between, losses[:, stage[None, :], at[:, None]])
            here = averages[..., k]
            gain0 = np.einsum("savwr,r->savw", table, basis[:, 0])
            for p, s, w in zip(self.poles, shapes, whole, strict=True):
                coupled = np.einsum("vwj,saj->savw", p.coupling, here)
                gain0 += np.real(coupled * s[0])
                visible = 1.0 / self.branching if p.line else 1.0
                lost = lost + 0.5 * visible * np.real(np.sum(coupled, axis=2) * w)
            landed = np.zeros((n_steps, 3, rows))
            m = n - 1 - k
            if m:
                fallen = basis[:, 1 : m + 1] @ history[k + 1 :].reshape(m, -1)
                fallen = fallen.reshape(-1, n_steps, 3, rows)
                landed += np.einsum("savwr,rsaw->sav", table, fallen)
                for field, (_, _, shape) in zip(fields, parts, strict=True):
                    fell = shape[1 : m + 1] @ field[k + 1 :].reshape(m, -1)
                    landed += fell.reshape(n_steps, 3, rows)
            matrix = gain0 * scale[..., None, None]
            index = np.arange(rows)
            matrix[..., index, index] -= lost * scale[..., None]
            emitted = emitted_at[k]
            driven = landed * scale[..., None] + emitted[..., None] * self.shares
            system = -step * np.einsum("ab,sbvw->savbw", RADAU, matrix).reshape(
                n_steps, 3 * rows, 3 * rows
            )
            system[:, np.arange(3 * rows), np.arange(3 * rows)] += 1.0
            right = step * np.einsum("ab,sbv->sav", RADAU, driven).reshape(n_steps, 3 * rows, 1)
            start = np.broadcast_to(np.kron(ones, np.eye(rows)), (n_steps, 3 * rows, rows))
            solved = np.linalg.solve(system, np.concatenate([start, right], axis=2))
            through, added = solved[:, :, :rows], solved[:, :, rows]
            now = np.zeros(rows)
            before = np.empty((n_steps, rows))
            for s in range(n_steps):
                before[s] = now
                now = through[s, -rows:] @ now + added[s, -rows:]
            stages = (np.einsum("saw,sw->sa", through, before) + added).reshape(n_steps, 3, rows)
            history[k] = stages.reshape(columns, rows)
            for field, (p, sign, _) in zip(fields, parts, strict=True):
                coupled = p.coupling.reshape(rows * rows, 3) @ here.reshape(-1, 3).T
                coupled = (coupled.real if sign > 0 else -coupled.imag).reshape(rows, rows, -1)
                field[k] = np.einsum("vwn,nw->nv", coupled, history[k])
            flux[:, k] = now
            free[k] = step * np.sum(emitted @ RADAU[-1])
        return y, flux, free * np.sum(self.shares)

    def _pole_loss(self, shape):
        ends = np.linspace(0.0, 1.0, 41)
        x = (ends[:-1, None] + np.diff(ends)[:, None] * _NODES).ravel()
        w = (np.diff(ends)[:, None] * _WEIGHTS).ravel()
        return np.sum(w * np.asarray(shape(x), dtype=complex))

    def _pole_averages(self, y, u, fineness):
        """(steps, stages, j, n_y) of <P>."""
        unit, d = np.log(2.0 / self.mass**2), y[1] - y[0]
        out = np.zeros((*u.shape, 3, y.size), dtype=complex)
        for s in np.ndindex(*u.shape):
            for j in range(3):
                stride = self.target.strides(j, u[s], d, fineness)
                w, weights = self.target.logs(j, u[s], d / stride)
                first = y[0] + u[s] + w[0] + unit
                if w.size == 1:
                    out[(*s, j)] = weights[0] * pole(first + y - y[0], self.gamma)
                    continue
                count = (y.size - 1) * stride + w.size
                places = first + d / stride * np.arange(count)
                values = sampled_pole(places, self.gamma, d / stride)
                windows = np.lib.stride_tricks.sliding_window_view(values, w.size)[::stride]
                out[(*s, j)] = windows @ weights
        return out

    def _smooth_tables(self, y, d, n_diagonals, step, distances):
        """Basis (rank, n), coefficients (c, stage, diagonal, v, w, rank), losses (c, ..., w)."""
        unit = np.log(2.0 / self.mass**2)
        rows = self.shares.size
        if self.target.temperature is None:
            redshifts = [0.0]
        else:
            position = np.cos(np.pi * (np.arange(_CHEBYSHEV) + 0.5) / _CHEBYSHEV)
            redshifts = list(self.u_max * 0.5 * (1.0 + position))
        logs = [[self.target.few(j, u, 0.4) for j in range(3)] for u in redshifts]
        lowest = min(np.min(w) for at in logs for w, _ in at)
        highest = max(np.max(w) for at in logs for w, _ in at)
        offsets = (1.0 - STAGES) * step  # the diagonal of the third stage is the last
        log_diagonal = y[0] + d * np.arange(n_diagonals)
        start = log_diagonal[0] + lowest + unit - 3 * _LOG_STEP
        end = log_diagonal[-1] + step + highest + unit + 3 * _LOG_STEP
        t = start + _LOG_STEP * np.arange(int(np.ceil((end - start) / _LOG_STEP)) + 1)
        couplings, kernels, totals = [], [], []
        x = np.exp(-distances.away)
        one_minus = -np.expm1(-distances.away)
        for entry in self.smooth:
            values = np.empty((t.size, distances.count), dtype=complex)
            total = np.empty(t.size, dtype=complex)
            for a, log_r in enumerate(t):
                r = np.exp(log_r)
                norm = (1.0 + r) / r
                values[a] = distances.folded(
                    norm * np.asarray(entry.shape(_X(x, one_minus), r / x), dtype=complex)
                )
                total[a] = norm * _integral(entry.shape, r)
            for part, sign in ((np.real, 1.0), (np.imag, -1.0)):
                if part is np.imag and np.all(values.imag == 0.0):
                    continue
                couplings.append(sign * part(entry.coupling))
                kernels.append(part(values))
                totals.append(part(total))
        couplings, kernels, totals = map(np.stack, (couplings, kernels, totals))
        n_kernels = len(kernels)
        left, sizes, basis = np.linalg.svd(
            kernels.reshape(-1, distances.count), full_matrices=False
        )
        rank = int(np.sum(sizes > 1e-10 * sizes[0]))
        left = (left[:, :rank] * sizes[:rank]).reshape(n_kernels, t.size, rank)
        basis = basis[:rank]
        coefficients = np.zeros((len(redshifts), 3, n_diagonals, rows, rows, rank))
        losses = np.zeros((len(redshifts), 3, n_diagonals, rows))
        for c, at in enumerate(logs):
            for a in range(3):
                for j, (w, weights) in enumerate(at):
                    inside = np.zeros((n_diagonals, t.size))
                    every = np.arange(n_diagonals)
                    place = (log_diagonal + offsets[a] + w[0] + unit - start) / _LOG_STEP
                    indices, shares = _lagrange(place, t.size - w.size + 1)
                    actual = np.exp(start + _LOG_STEP * (place[:, None] + np.arange(w.size)))
                    prefactors = weights * actual / (1.0 + actual)
                    for b in range(w.size):
                        for e in range(indices.shape[1]):
                            inside[every, indices[:, e] + b] += shares[:, e] * prefactors[:, b]
                    for kernel in range(n_kernels):
                        coupling = couplings[kernel][:, :, j]
                        coefficients[c, a] += (
                            coupling[None, :, :, None] * (inside @ left[kernel])[:, None, None]
                        )
                        losses[c, a] += (
                            0.5 * np.sum(coupling, axis=0) * (inside @ totals[kernel])[:, None]
                        )
        return basis, coefficients, losses


class _X(np.ndarray):
    """x that keeps the digits of 1 - x."""

    def __new__(cls, x, one_minus):
        made = np.asarray(x).view(cls)
        made.one_minus = one_minus
        return made

    def __rsub__(self, other):
        if np.isscalar(other) and other == 1.0 and getattr(self, "one_minus", None) is not None:
            return self.one_minus
        return other - np.asarray(self)


_LOGS = np.concatenate([np.linspace(-34.0, 0.0, 35)])


def _integral(shape, r):
    """int_0^1 dx f(x, r), with panels that close in on both ends."""
    ends = 0.5 * np.exp(_LOGS)
    ends = np.concatenate([[0.0], ends])
    half = (ends[:-1, None] + np.diff(ends)[:, None] * _NODES).ravel()
    weights = (np.diff(ends)[:, None] * _WEIGHTS).ravel()
    low = np.sum(weights * np.asarray(shape(half, r), dtype=complex))
    high = np.sum(weights * np.asarray(shape(_X(1.0 - half, half), r), dtype=complex))
    return low + high


def of_physics(lines, emission, gamma, poles, smooth, **options):
    """Set up from the package's numbers: masses, couplings, densities, H(z) and emission."""
    from nuprop.constants import HBAR_C, SPEED_OF_LIGHT

    relics = lines.relics
    mass = float(lines.mediator_mass)

    def scale(u):
        z = np.expm1(u)
        density = np.asarray(relics.helicity_density(z))
        return (
            density * SPEED_OF_LIGHT / np.asarray(lines.expansion.hubble(z)) * (HBAR_C / mass) ** 2
        )

    def source(y, u):
        return np.asarray(emission.rate(u)) * np.asarray(emission.spectrum_at(y + u))

    return Opaque(
        target=Target(
            np.asarray(lines.masses),
            float(relics.temperature) if relics.thermal else None,
            relics.targets,
        ),
        mass=mass,
        gamma=float(gamma),
        poles=poles,
        smooth=smooth,
        scale=scale,
        source=source,
        shares=np.asarray(emission.shares).reshape(-1),
        u_max=float(emission.u_max),
        **options,
    )
