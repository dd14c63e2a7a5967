#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes more_trajectories.json: rules and shapes that trajectories.json leaves out.

Plain Python from the equations of the recipes' pages, sharing nothing with the library:
    python3 tests/conformance/oracle.py > tests/conformance/more_trajectories.json
"""
import json
import math
import random

GUARD = 1e-12


def add(*vectors):
    return [sum(entries) for entries in zip(*vectors)]


def scale(factor, v):
    return [factor * x for x in v]


def sub(a, b):
    return [x - y for x, y in zip(a, b)]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def norm(v):
    return math.sqrt(dot(v, v))


def unit(v):
    return scale(1 / (norm(v) + GUARD), v)


def mean(vectors):
    return scale(1 / len(vectors), add(*vectors))


class Problem:
    """L_k(w) = 0.5 (w - a_k)' H_k (w - a_k)"""

    def __init__(self, seed, K, n, split):
        draw = random.Random(seed)
        self.K, self.n, self.split = K, n, split
        self.w0 = [round(draw.gauss(0, 1.5), 6) for _ in range(n)]
        self.a = [[round(draw.gauss(0, 1), 6) for _ in range(n)] for _ in range(K)]
        self.H = []
        for _ in range(K):
            B = [[draw.gauss(0, 1) for _ in range(n)] for _ in range(n)]
            H = [[round(sum(B[m][i] * B[m][j] for m in range(n)) / n + (0.3 if i == j else 0), 6)
                  for j in range(n)] for i in range(n)]
            self.H.append([[H[i][j] if i <= j else H[j][i] for j in range(n)] for i in range(n)])

    def gradient(self, k, w):
        away = sub(w, self.a[k])
        return [dot(row, away) for row in self.H[k]]

    def loss(self, k, w):
        return 0.5 * dot(sub(w, self.a[k]), self.gradient(k, w))

    def gradients(self, w):
        return [self.gradient(k, w) for k in range(self.K)]

    def pooled(self, w):
        return mean(self.gradients(w))

    def as_json(self):
        return {"K": self.K, "n": self.n, "split": self.split, "w0": self.w0, "H": self.H,
                "a": self.a}


def erm(p, w, h, state):
    return p.pooled(w)


def sam(p, w, h, state):
    return p.pooled(add(w, scale(h["rho"], unit(p.pooled(w)))))


def wsam_decoupled(p, w, h, state):
    """Under SGD, g and then A (q - g) is one step along their sum; .grad holds g alone."""
    g = p.pooled(w)
    q = sam(p, w, h, state)
    state["after"] = scale(h["gamma"] / (1 - h["gamma"]), sub(q, g))
    return g


def roga_own(p, w, h, state):
    g = p.pooled(w)
    captured = [p.gradient(k, sub(add(w, scale(h["rho"], unit(p.gradient(k, w)))),
                                  scale(h["alpha"], g))) for k in range(p.K)]
    return add(scale(h["w_erm"], g), scale(h["w_gen"], mean(captured)))


def roga_adaptive(p, w, h, state):
    """x_k = w + rho T^2 g_k / |T g_k| - alpha g, T = |w| + eta."""
    g = p.pooled(w)
    T = [abs(x) + h["eta"] for x in w]
    captured = []
    for k in range(p.K):
        Tg = [t * x for t, x in zip(T, p.gradient(k, w))]
        T2g = [t * x for t, x in zip(T, Tg)]
        x = sub(add(w, scale(h["rho"] / norm(Tg), T2g)), scale(h["alpha"], g))
        captured.append(p.gradient(k, x))
    return add(scale(h["w_erm"], g), scale(h["w_gen"], mean(captured)))


def roga_periodic(p, w, h, state):
    """LookSAM's reuse over the domains' own ascent points."""
    g = p.pooled(w)
    step = state.setdefault("step", 0)
    state["step"] += 1
    if step % h["k"]:
        look = state["look"]
        return add(g, scale(h["reuse"] * norm(g) / norm(look), look))
    q = roga_own(p, w, {**h, "w_erm": 0, "w_gen": 1}, state)
    state["look"] = sub(q, scale(dot(q, g) / dot(g, g), g))
    return q


def dgsam(p, w, h, state):
    x, rows = w, []
    for j in range(p.K + 1):
        rows.append(p.gradient(j % p.K, x))
        x = add(x, scale(h["rho"], unit(rows[-1])))
    return mean(rows)


def sand_mask(p, w, h, state):
    rows = p.gradients(w)
    d = []
    for i in range(p.n):
        column = [row[i] for row in rows]
        average = sum(column) / p.K
        agreement = abs(sum((x > 0) - (x < 0) for x in column)) / p.K
        variance = sum((x - average) ** 2 for x in column) / (p.K - 1)
        d.append(average * max(0.0, math.tanh(h["k"] * (agreement - h["tau"]) / variance)))
    return d


def grad_vac(p, w, h, state):
    rows = p.gradients(w)
    targets = state.setdefault("targets", [[0.0] * p.K for _ in range(p.K)])
    results = []
    for i in range(p.K):
        u = rows[i]
        for j in range(p.K):
            if j == i:
                continue
            c = dot(u, rows[j]) / (norm(u) * norm(rows[j]))
            t = targets[i][j]
            if c < t:
                u = add(u, scale(norm(u) * (t * math.sqrt(1 - c * c) - c * math.sqrt(1 - t * t))
                                 / (norm(rows[j]) * math.sqrt(1 - t * t)), rows[j]))
            targets[i][j] = (1 - h["beta"]) * t + h["beta"] * c
        results.append(u)
    return mean(results)


def group_dro(p, w, h, state):
    q = state.setdefault("q", [1 / p.K] * p.K)
    q = [x * math.exp(h["eta"] * p.loss(k, w)) for k, x in enumerate(q)]
    state["q"] = [x / sum(q) for x in q]
    return add(*[scale(x, row) for x, row in zip(state["q"], p.gradients(w))])


def vasso(p, w, h, state):
    g = p.pooled(w)
    v = state.get("v", g)
    state["v"] = v = add(scale(1 - h["theta"], v), scale(h["theta"], g))
    return p.pooled(add(w, scale(h["rho"], unit(v))))


def solved(A, b):
    """A x = b by elimination with pivots."""
    n = len(b)
    rows = [list(row) + [b[i]] for i, row in enumerate(A)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i:
                rows[r] = sub(rows[r], scale(rows[r][i] / rows[i][i], rows[i]))
    return [rows[i][n] / rows[i][i] for i in range(n)]


def products(a, b):
    return [[dot(x, y) for y in b] for x in a]


def transposed(rows):
    return [list(column) for column in zip(*rows)]


def upgrad(p, w, h, state):
    """Each g_i onto the cone by Dykstra's alternating projections onto its half-spaces."""
    rows = p.gradients(w)
    results = []
    for row in rows:
        v, corrections = row, [[0.0] * p.n for _ in rows]
        for _ in range(20000):
            before = v
            for k, other in enumerate(rows):
                moved = add(v, corrections[k])
                v = sub(moved, scale(min(0.0, dot(moved, other)) / dot(other, other), other))
                corrections[k] = sub(moved, v)
            if norm(sub(v, before)) == 0:
                break
        results.append(v)
    return mean(results)


def config(p, w, h, state):
    """Along the pseudo-inverse of the unit gradients' matrix U times 1, on its smaller side."""
    rows = p.gradients(w)
    U = [scale(1 / norm(row), row) for row in rows]
    ones = [1.0] * p.K
    if p.K <= p.n:
        x = add(*[scale(s, u) for s, u in zip(solved(products(U, U), ones), U)])
    else:
        x = solved(products(transposed(U), transposed(U)), add(*U))
    x = scale(1 / norm(x), x)
    return scale(sum(dot(row, x) for row in rows) / p.K, x)


def imtl_g(p, w, h, state):
    """The paper's closed form; of more gradients than entries, (U U')^+ 1 = U (U' U)^-2 U' 1."""
    rows = p.gradients(w)
    U = [scale(1 / norm(row), row) for row in rows]
    if p.K == 1:
        return rows[0]
    if p.K > p.n:
        C = products(transposed(U), transposed(U))
        s = [dot(u, solved(C, solved(C, add(*U)))) / norm(row) for u, row in zip(U, rows)]
        return scale(1 / sum(s), add(*[scale(x, row) for x, row in zip(s, rows)]))
    D = [sub(rows[0], row) for row in rows[1:]]
    V = [sub(U[0], u) for u in U[1:]]
    alpha = solved(products(V, D), [dot(rows[0], v) for v in V])
    return add(scale(1 - sum(alpha), rows[0]), *[scale(x, row) for x, row in zip(alpha, rows[1:])])


def aligned_mtl(p, w, h, state):
    """All singular values of the gradients' matrix become the smallest: its polar factor, by Newton's
    iteration on the smaller side, times that singular value."""
    rows = p.gradients(w)
    wide = rows if p.K <= p.n else transposed(rows)
    S = root(products(wide, wide))
    X = transposed([solved(S, column) for column in transposed(wide)])
    smallest = 1 / largest_eigenvalue([solved(S, e) for e in identity(len(S))])
    polar = X if p.K <= p.n else transposed(X)
    return scale(smallest, mean(polar))


def identity(n):
    return [[float(i == j) for j in range(n)] for i in range(n)]


def root(A):
    """The square root of a positive definite matrix, by the iteration of Denman and Beavers."""
    Y, Z = A, identity(len(A))
    for _ in range(60):
        invert = lambda M: transposed([solved(M, e) for e in identity(len(M))])
        Y, Z = ([scale(0.5, add(a, b)) for a, b in zip(Y, invert(Z))],
                [scale(0.5, add(a, b)) for a, b in zip(Z, invert(Y))])
    return Y


def largest_eigenvalue(A):
    """Of a positive definite matrix, by squaring it until one eigenvalue is left."""
    logarithm, power = 0.0, 1
    for _ in range(60):
        size = max(abs(x) for row in A for x in row)
        logarithm += math.log(size) / power
        A = [scale(1 / size, row) for row in A]
        A, power = products(A, transposed(A)), 2 * power
    return math.exp(logarithm)


def nash_mtl(p, w, h, state):
    """G a = 1 / a by coordinate descent on a' G a / 2 - sum log a, G over its norm."""
    rows = p.gradients(w)
    lengths = [norm(row) for row in rows]
    C = [[dot(a, b) / (x * y) for b, y in zip(rows, lengths)] for a, x in zip(rows, lengths)]
    a = [1.0] * p.K
    for _ in range(100000):
        before = list(a)
        for i in range(p.K):
            b = dot(C[i], a) - C[i][i] * a[i]
            a[i] = (-b + math.sqrt(b * b + 4 * C[i][i])) / (2 * C[i][i])
        if a == before:
            break
    size = math.sqrt(math.sqrt(sum(dot(x, y) ** 2 for x in rows for y in rows)))
    return scale(size, mean([scale(x / y, row) for x, y, row in zip(a, lengths, rows)]))


PROBLEMS = [Problem(5, 4, 6, [2, 3, 1]), Problem(9, 1, 3, [3]), Problem(13, 7, 2, [1, 1])]
ROGA = {"rho": 0.2, "alpha": 0.03, "w_erm": 0.25, "w_gen": 0.75}
CASES = [("erm", erm, {}), ("sam", sam, {"rho": 0.2}),
         ("wsam_decoupled", wsam_decoupled, {"rho": 0.1, "gamma": 0.8}),
         ("roga_own", roga_own, ROGA),
         ("roga_periodic", roga_periodic, {"rho": 0.2, "alpha": 0.03, "k": 3, "reuse": 0.6}),
         ("dgsam", dgsam, {"rho": 0.1}),
         ("sand_mask", sand_mask, {"tau": 0.4, "k": 3.0}), ("grad_vac", grad_vac, {"beta": 0.3}),
         ("groupdro", group_dro, {"eta": 0.4}),
         ("roga_adaptive", roga_adaptive, {**ROGA, "rho": 0.6, "eta": 0.05}),
         ("vasso", vasso, {"rho": 0.2, "theta": 0.3}), ("upgrad", upgrad, {}),
         ("config", config, {}), ("imtl_g", imtl_g, {}), ("aligned_mtl", aligned_mtl, {}),
         ("nash_mtl", nash_mtl, {})]


def main():
    cases = []
    for number, problem in enumerate(PROBLEMS):
        for rule, direction, hyper in CASES:
            if rule == "sand_mask" and problem.K == 1:
                continue  # no variance of one row
            w, state, trajectory, rate = problem.w0, {}, {}, 0.02
            case = {"problem": number, "rule": rule, "hyper": hyper, "lr": rate}
            for step in range(1, 13):
                d = direction(problem, w, hyper, state)
                if step == 1:
                    case["first_direction"] = d
                w = sub(w, scale(rate, add(d, state.pop("after", [0.0] * problem.n))))
                if step in (1, 2, 3, 7, 12):
                    trajectory[str(step)] = w
            case["trajectory"] = trajectory
            cases.append(case)
    print(json.dumps({"about": __doc__.split(chr(10))[0],
                      "problems": [p.as_json() for p in PROBLEMS], "cases": cases}, indent=1))


main()
