"""Prints the coefficients in include/lattice/math_*.h. Needs mpmath; nothing at build or test time does.

Each polynomial interpolates its function at the Chebyshev nodes of the interval on which it is
used, which is within a factor of two of the best possible (minimax) error, in 80 digits, and is
then rounded to doubles. The error that it prints is the approximation's own, relative to the
function's value; rounding while it is evaluated comes on top.
"""

from mpmath import asin, atan, atanh, cos, cosh, exp, fabs, log, matrix, mp, mpf, lu_solve, pi, sin, sinh, sqrt, tanh

mp.dps = 80


def fit(f, a, b, n):
    """The n coefficients of the polynomial through f at the Chebyshev nodes of [a, b]."""
    nodes = [(a + b) / 2 + (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * n)) for i in range(n)]
    system = matrix(n, n)
    for i, x in enumerate(nodes):
        for j in range(n):
            system[i, j] = x**j
    return list(lu_solve(system, matrix([f(x) for x in nodes])))


def report(name, f, a, b, n, weight):
    """Fits, prints as doubles, and prints the error of the rounded polynomial times `weight`."""
    rounded = [float(c) for c in fit(f, mpf(a), mpf(b), n)]
    worst = mpf(0)
    for i in range(2001):
        x = mpf(a) + (mpf(b) - mpf(a)) * (i + mpf(1) / 3) / 2001
        value = sum(mpf(c) * x**j for j, c in enumerate(rounded))
        worst = max(worst, fabs((value - f(x)) * weight(x)))
    print(f"{name}: error 2^{float(log(worst, 2)):.1f}")
    for c in rounded:
        print(f"    {c!r},")


def parts(name, value, bits):
    """Splits a constant into doubles of the given numbers of bits, largest first."""
    out = []
    for b in bits:
        exponent = int(mp.floor(log(fabs(value), 2)))
        scale = mpf(2) ** (b - 1 - exponent)
        head = mp.floor(value * scale) / scale if b < 53 else mpf(float(value))
        out.append(float(head))
        value -= head
    print(f"{name}: {', '.join(repr(x) for x in out)}")


def series(f, z, limit):
    """f(sqrt z) for z > 0, and its limit at 0."""
    return f(sqrt(z)) if z != 0 else limit


quarter = (pi / 4) ** 2
# sin y = y + y^3 S(y^2); cos y = 1 - y^2/2 + y^4 C(y^2); |y| <= pi/4
report("sin", lambda z: series(lambda y: (sin(y) - y) / y**3, z, -mpf(1) / 6), 1e-30, quarter, 7, lambda z: z)
report("cos", lambda z: series(lambda y: (cos(y) - 1 + y * y / 2) / y**4, z, mpf(1) / 24), 1e-30, quarter, 7,
       lambda z: z * z)
# exp r = 1 + r + r^2 E(r); |r| <= ln2/2
half = log(2) / 2 + mpf("1e-6")
report("exp", lambda r: (exp(r) - 1 - r) / r**2 if fabs(r) > 1e-30 else mpf(1) / 2, -half, half, 11, lambda r: r * r)
# log(1+f) = 2 atanh s, s = f/(2+f): 2 s (1 + s^2/3 + s^4 L(s^2)); |s| <= 0.1716
s2 = (3 - 2 * sqrt(mpf(2))) ** 2 + mpf("1e-6")
report("log", lambda z: series(lambda s: (atanh(s) / s - 1 - s * s / 3) / s**4, z, mpf(1) / 5), 1e-12, s2, 9,
       lambda z: z * z)
# atan u = u + u^3 A(u^2); |u| <= 1/8
report("atan", lambda z: series(lambda u: (atan(u) - u) / u**3, z, -mpf(1) / 3), 1e-12, mpf("0.0159"), 8,
       lambda z: z)
# asin x = x + x^3 R(x^2); |x| <= 1/2
report("asin", lambda z: series(lambda x: (asin(x) - x) / x**3, z, mpf(1) / 6), 1e-12, mpf("0.2501"), 13,
       lambda z: z)
# sinh x = x + x^3 H(x^2); |x| <= 1
report("sinh", lambda z: series(lambda x: (sinh(x) - x) / x**3, z, mpf(1) / 6), 1e-12, 1, 8, lambda z: z)
# tanh x = x + x^3 T(x^2); |x| <= 0.55
report("tanh", lambda z: series(lambda x: (tanh(x) - x) / x**3, z, -mpf(1) / 3), 1e-12, mpf("0.3026"), 11,
       lambda z: z)
# for floats, whose sine and cosine are computed in double: 30 bits are enough
report("sinf", lambda z: series(lambda y: (sin(y) - y) / y**3, z, -mpf(1) / 6), 1e-30, quarter, 4, lambda z: z)
report("cosf", lambda z: series(lambda y: (cos(y) - 1 + y * y / 2) / y**4, z, mpf(1) / 24), 1e-30, quarter, 4,
       lambda z: z * z)

parts("ln2 in 32 bits, rest", log(2), [32, 53])
parts("ln2 dd", log(2), [53, 53])
parts("1/ln2 dd", 1 / log(2), [53, 53])
parts("1/ln10 dd", 1 / log(10), [53, 53])
parts("log10(2) dd", log(2) / log(10), [53, 53])
parts("pi/2 in 33 bits thrice, rest", pi / 2, [33, 33, 33, 53])
parts("pi/2 dd", pi / 2, [53, 53])
parts("pi dd", pi, [53, 53])
for quarter_step in (1, 2, 3, 4):
    parts(f"atan({quarter_step}/4) dd", atan(mpf(quarter_step) / 4), [53, 53])
mp.dps = 500
words = int(mp.floor(2 / pi * mpf(2) ** 1280))
print("2/pi, 64 bits a word:")
for i in range(20):
    print(f"    0x{words >> (1280 - 64 * (i + 1)) & (2**64 - 1):016x},")
