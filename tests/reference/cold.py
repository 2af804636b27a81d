"""Relics at rest, solved once more: plain numpy, one convolution integral after the other.

Nothing is shared with the package but the physics. Resonance b, in the order of falling energy
E_b, sees at comoving energy eps and 1 + z_b = E_b/eps what sources sent earlier and what the
resonances before it made, each times exp(-tau) of the crossings in between; it turns

    D_b(eps) = sum_i N_i (1 - exp(-tau_ib)),   N_i += P_i int d eps'/eps' K(eps/eps') D_b(eps').

D_b is tabulated on Gauss-Legendre panels that are split at every one of its kinks, and every
integral over it is split at every kink and every crossing.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np

NODES, WEIGHTS = np.polynomial.legendre.leggauss(14)
_POWERS = np.arange(3)
SUMMED = np.array([[[3.0, -6.0, 6.0]]])
APART = np.array([[[0.0, 0.0, 3.0], [3.0, -6.0, 3.0]], [[3.0, -6.0, 3.0], [0.0, 0.0, 3.0]]])


def _barycentric_weights(nodes):
    differences = nodes[:, None] - nodes + np.eye(nodes.size)
    return 1.0 / np.prod(differences, axis=1)


_BARYCENTRIC = _barycentric_weights(NODES)


#: Longest panel in ln(1 + z).
LONGEST = 0.25


def split(low, high, places):
    """Gauss-Legendre nodes and weights on [low, high] (arrays), split at places (..., k)."""
    low, high = np.asarray(low)[..., None], np.maximum(high, low)[..., None]
    pieces = max(1, int(np.ceil(np.max(high - low) / LONGEST)))
    uniform = low + (high - low) * np.linspace(0.0, 1.0, pieces + 1)
    edges = np.sort(np.concatenate([uniform, np.clip(places, low, high)], axis=-1), axis=-1)
    half = 0.5 * np.diff(edges)[..., None]
    middle = 0.5 * (edges[..., 1:] + edges[..., :-1])[..., None]
    shape = (*edges.shape[:-1], -1)
    return (middle + half * NODES).reshape(shape), (half * WEIGHTS).reshape(shape)


class Table:
    """A function on [0, end] with kinks, as interpolating polynomials between them."""

    def __init__(self, function, end, kinks):
        regular = np.linspace(0.0, end, int(np.ceil(end / LONGEST)) + 1)
        inside = [k for k in kinks if 0.0 < k < end]
        self.edges = np.unique(np.concatenate([regular, inside]))
        self.half = 0.5 * np.diff(self.edges)[:, None]
        nodes = 0.5 * (self.edges[1:] + self.edges[:-1])[:, None] + self.half * NODES
        self.values = function(nodes.ravel()).reshape(-1, *nodes.shape)

    def __call__(self, u):
        panel = np.clip(np.searchsorted(self.edges, u, side="right") - 1, 0, self.half.size - 1)
        t = (u - self.edges[panel]) / self.half[panel, 0] - 1.0
        distance = t[..., None] - NODES
        distance = np.where(distance == 0.0, 1e-16, distance)
        weights = _BARYCENTRIC / distance
        values = np.sum(weights * self.values[:, panel], axis=-1)
        return values / np.sum(weights, axis=-1)


@dataclass
class ColdUniverse:
    """The problem in ln(energy/GeV) and u = ln(1 + z).

    Attributes
    ----------
    resonances : ln E_b of the n_states states; None for one that does not absorb.
    depths : function (b, u) -> tau_ib of each channel and state, (n_channels, n_states, n), crossed
        at u.
    rate : function of u, (c/4 pi) W (1 + z)/H, or for a burst (c/4 pi)/H.
    emissivity : function of ln(E).
    shares : (n_channels, n_states); yields : (n_states,).
    breaks : u where W or its slope jumps; kinks : ln(E) where the slope of Q jumps.
    """

    resonances: list
    depths: object
    rate: object
    emissivity: object
    shares: np.ndarray
    yields: np.ndarray
    u_max: float
    breaks: tuple = ()
    kinks: tuple = ()
    burst: bool = False
    order: list = field(init=False)
    tables: dict = field(init=False, default_factory=dict)

    def __post_init__(self):
        present = [b for b, line in enumerate(self.resonances) if line is not None]
        self.order = sorted(present, key=lambda b: -self.resonances[b])
        self.kernel = SUMMED if len(self.shares) == 1 else APART
        for b in self.order:
            self.tables[b] = Table(
                lambda u, b=b: self.interactions(b, u), self.u_max, self.kinks_of(b)
            )

    def kinks_of(self, b):
        """Where D_b or a derivative jumps; a later resonance inherits the kinks of earlier ones."""
        lines = [self.resonances[a] for a in self.order]
        ends = [*self.breaks, self.u_max]
        ends += [line + u - kink for u in ends for kink in self.kinks for line in lines]
        return [u + low - high for u in ends for low in lines for high in lines]

    def emitted(self, y, low, high):
        """Sources between two redshifts, shape of y."""
        if self.burst:
            whole = self.rate(self.u_max) * self.emissivity(y + self.u_max)
            return np.where((low < self.u_max) & (high >= self.u_max), whole, 0.0)
        places = [np.full(y.shape, u) for u in self.breaks] + [kink - y for kink in self.kinks]
        places = np.stack(places, axis=-1) if places else np.zeros((*y.shape, 0))
        nodes, weights = split(low, high, places)
        return np.sum(weights * self.rate(nodes) * self.emissivity(y[..., None] + nodes), axis=-1)

    def arriving(self, y, end, crossings, regenerate=True):
        """N (n_channels, n_states, n) at redshift `end` (n,) after `crossings`, along y (n,)."""
        places = {c: self.resonances[c] - y for c in crossings}
        met = {c: (u > end) & (u < self.u_max) for c, u in places.items()}

        def survival(before):
            """exp(-sum of depths) of the crossings between `end` and `before` (..., n)."""
            total = 0.0
            for c in crossings:
                between = met[c] & (places[c] < before)
                u = np.clip(places[c], 0.0, self.u_max)
                total = total + np.where(between, self.depths(c, u), 0.0)
            return np.exp(-total) * np.ones((*self.shares.shape, y.size))

        bounds = np.sort(
            np.stack(
                [np.clip(places[c], end, self.u_max) for c in crossings]
                + [end, np.full(y.shape, self.u_max)]
            ),
            axis=0,
        )
        result = np.zeros((*self.shares.shape, y.size))
        for low, high in itertools.pairwise(bounds):
            part = np.where(high > low, self.emitted(y, low, high), 0.0)
            result += self.shares[..., None] * part * survival(0.5 * (low + high))
        if not regenerate:
            return result
        for b in crossings:
            table = self.tables[b]
            for low, high in itertools.pairwise(bounds):
                top = np.minimum(high, places[b])
                kinks = np.broadcast_to(table.edges, (y.size, table.edges.size))
                nodes, weights = split(low, np.maximum(top, low), kinks)
                x = np.exp(y[:, None] - self.resonances[b] + nodes)
                kernel = np.einsum("oik,nqk->oinq", self.kernel, x[..., None] ** _POWERS)
                made = np.einsum("oinq,inq,nq->on", kernel, table(nodes), weights)
                before = survival(0.5 * (low + np.maximum(top, low)))
                result += self.yields[:, None] * made[:, None, :] * before
        return result

    def interactions(self, b, u):
        """D_b (n_channels, n) when b is crossed at u (n,)."""
        earlier = self.order[: self.order.index(b)]
        incoming = self.arriving(self.resonances[b] - u, u, earlier)
        return np.sum(incoming * -np.expm1(-self.depths(b, u)), axis=1)

    def flux(self, log_energy, regenerate=True):
        y = np.asarray(log_energy, dtype=float)
        return self.arriving(y, np.zeros(y.shape), self.order, regenerate)

    def free(self, log_energy):
        y = np.asarray(log_energy, dtype=float)
        total = self.emitted(y, np.zeros(y.shape), np.full(y.shape, self.u_max))
        return total * self.shares[..., None]
