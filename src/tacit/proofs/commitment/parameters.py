"""The code of a commitment: how many rows, how long, how many random symbols, and how many columns are opened.

Values are the coefficients of R polynomials, D = 2^c to a row, and each row goes on with random coefficients, t for
each proof that the commitment is made for. Its codeword are its values at the n-th roots of unity, n >= 4 k for k
coefficients. Whoever opens t columns in each of `uses` proofs sees uniform words, whatever the values are.

A word that is further than d = (1 - k/n)/2 from every codeword, the radius of unique decoding, agrees with what the
prover claims in a share of at most 1 - d of the columns, so t random columns let it pass with (1 - d)^t. That is the
bound of [Ames et al. 2017], and what is proven; conjectures up to capacity were refuted (ePrint 2025/2010, 2025/2046).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from tacit.errors import ProofError

QUERY_BITS = 104  # of the error of the opened columns: what is left of 100 after all other terms
SALT = 16  # bytes in front of a column, in zero knowledge
DIGEST = 32
WORD = 8
MOST_POINTS = 2**24
MOST_VALUES = 2**28
LONG_LIVED_USES = 64  # proofs that a commitment is made for unless told otherwise
MOST_USES = 4096
INVERSE_RATE = 4  # at least


@dataclass(frozen=True)
class Code:
    """values: committed; columns: D; rows: R; points: n; queries: t; uses: proofs, 0 if nothing is hidden."""

    values: int
    columns: int
    rows: int
    points: int
    queries: int
    uses: int

    @property
    def length(self) -> int:
        """k: the coefficients of a row."""
        return self.columns + self.uses * self.queries

    @property
    def hidden(self) -> bool:
        """Whether the values are hidden from who sees opened columns."""
        return self.uses > 0

    @property
    def variables(self) -> int:
        """Of the multilinear polynomial that the values are, with zeros after them."""
        return self.column_variables + (self.rows - 1).bit_length()

    @property
    def column_variables(self) -> int:
        """Those of the place in a row: the last ones."""
        return self.columns.bit_length() - 1

    @property
    def query_bits(self) -> float:
        """How unlikely it is that the opened columns miss a word that is too far from the code."""
        return -self.queries * log2(1 - (1 - self.length / self.points) / 2)

    def opening_bytes(self) -> int:
        """About how long an opening is."""
        masks = 2 if self.hidden else 0
        salt = SALT if self.hidden else 0
        paths = self.queries * DIGEST * max(1.0, log2(self.points / self.queries))
        return int(16 * self.length + self.queries * (WORD * (self.rows + masks) + salt) + paths)


def choose(values: int, uses: int, bits: int = QUERY_BITS) -> Code:
    """The code that makes the shortest opening; deterministic, so that the verifier finds the same.

    uses: how many proofs may open columns; 0 hides nothing. ProofError where there are too many values.
    """
    if not 1 <= values <= MOST_VALUES:
        raise ProofError(f"{values} values cannot be committed: from 1 to 2^{MOST_VALUES.bit_length() - 1} can")
    found = [code for c in range((values - 1).bit_length() + 1) for code in _codes(values, 2**c, uses, bits)]
    return min(found, key=_cost)


def single_row(length: int, bits: int = QUERY_BITS) -> Code:
    """The code for one row of any length (a tensor claim on it is not possible), for one proof."""
    return min(_codes(length, length, 1, bits), key=_cost)


def _cost(code: Code) -> float:
    """Bytes of an opening, and what they may cost in time: a byte for 2^9 words to encode, one for 8 leaves to hash."""
    return code.opening_bytes() + code.rows * code.points / 2**9 + code.points / 8


def _codes(values: int, columns: int, uses: int, bits: int) -> list[Code]:
    codes: list[Code] = []
    points = 4
    while points <= MOST_POINTS and len(codes) < 3:
        queries = _queries(columns, uses, points, bits)
        if queries and queries <= points // 2:
            codes.append(Code(values, columns, -(-values // columns), points, queries, uses))
        points *= 2
    return codes


def _queries(columns: int, uses: int, points: int, bits: int) -> int:
    """The fewest columns that reach the bits, at rate 1/4 or lower; 0 if none do."""
    queries = bits
    while True:
        length = columns + uses * queries
        if INVERSE_RATE * length > points:
            return 0
        needed = ceil(bits / -log2(1 - (1 - length / points) / 2))
        if needed <= queries:
            return queries
        queries += 1
