"""How many of n parties must agree, given that c may be corrupt and d may fail: one rule, n >= c + 2d + 1.

Let t be the number of parties that have to confirm a survivor set, and as many shares as open a secret.

*Agreement.* Two different survivor sets must not both be confirmed. An honest party confirms one set at most and a
corrupt one may confirm both, so two sets gather at most (n - c) + 2c = n + c confirmations; 2t > n + c excludes it,
and t = floor((n + c) / 2) + 1 is the least such number (Bonawitz et al. 2017, section 6.2 and theorem 6.5).

*Secrecy.* t > c, since c < n: the corrupt parties alone open nothing. t > n / 2.

*Progress.* t <= n - d, so that d failures stop nothing. With t as above this says n >= c + 2d + 1, and then
t >= c + d + 1.

*No splitting.* A server may show different parties different inboxes. A party goes on with n - d of the n parties
or more, and t or more confirmed; so its peers include at least (n - d) + t - n = t - d >= c + 1 of those who
confirmed, hence one honest. That one's pairwise mask ties its vector to the rest: no group is unmasked by itself.
"""

from __future__ import annotations

from tacit.errors import AgreementError
from tacit.federated.secagg.regular_graph import regular_graph

MIN_PARTIES = 3
COMPLETE_UP_TO = 100
MAX_PARTIES = 10_000


def threshold(parties: int, corrupt: int) -> int:
    """Return t, the confirmations that a survivor set needs and the shares that open a secret."""
    return (parties + corrupt) // 2 + 1


def minimum_survivors(parties: int, dropping: int) -> int:
    """Return n - d: a party takes no part in a sum over fewer vectors."""
    return parties - dropping


def least_in_sum(parties: int, corrupt: int, dropping: int) -> int:
    """Return the fewest vectors, the corrupt parties' with them, in what a malicious server can learn the sum of.

    n - d; on the sparse graph, fewer by those whom it can cut off from all others (`regular_graph`).
    """
    graph = regular_graph(parties, corrupt, dropping) if needs_sparse(parties) else None
    return minimum_survivors(parties, dropping) - (graph.cut_off if graph else 0)


def minimum_honest_survivors(parties: int, corrupt: int, dropping: int) -> int:
    """Return n - d - c, the honest vectors that every released sum has at least: size noise shares for these.

    It is at least t - c = floor((n - c) / 2) + 1, so it is 1 only where all parties but one may be corrupt, and
    then there is nobody to hide among.
    """
    return parties - dropping - corrupt


def most_dropping(parties: int, corrupt: int) -> int:
    """Return the largest d that n parties tolerate beside c corrupt ones; negative if there is none."""
    return (parties - corrupt - 1) // 2


def most_corrupt(parties: int, dropping: int) -> int:
    """Return the largest c that n parties tolerate beside d failures; negative if there is none."""
    return parties - 2 * dropping - 1


def check(parties: int, corrupt: int, dropping: int, *, sparse: bool = False) -> None:
    """Accept n, c and d that the protocol can keep its promises for.

    Raises:
        AgreementError: it cannot; says what would fit.
    """
    if parties < MIN_PARTIES:
        raise AgreementError(f"{parties} parties cannot hide in a sum: secure aggregation needs {MIN_PARTIES} or more")
    most = MAX_PARTIES if sparse else COMPLETE_UP_TO
    if parties > most:
        raise AgreementError(
            f"{parties} parties: at most {most} can take part{'' if sparse else ' on a complete graph'}"
        )
    if corrupt < 0 or dropping < 0:
        raise AgreementError(f"{corrupt} corrupt and {dropping} dropping parties: neither may be negative")
    if minimum_survivors(parties, dropping) < threshold(parties, corrupt):
        raise AgreementError(
            f"{parties} parties cannot bear {corrupt} corrupt and {dropping} dropping: "
            f"{'; '.join(_what_fits(parties, corrupt, dropping))}"
        )
    if sparse and regular_graph(parties, corrupt, dropping) is None:
        raise AgreementError(
            f"{parties} parties with {corrupt} corrupt and {dropping} dropping: on no sparse graph do exposure and "
            "failure each stay under 2^-40; ask for fewer of either"
        )


def needs_sparse(parties: int) -> bool:
    """Return whether so many parties take the sparse graph: every pair of them would be too much."""
    return parties > COMPLETE_UP_TO


def _what_fits(parties: int, corrupt: int, dropping: int) -> list[str]:
    fits = []
    if most_dropping(parties, corrupt) >= 0:
        fits.append(f"with {corrupt} corrupt at most {most_dropping(parties, corrupt)} may drop")
    if most_corrupt(parties, dropping) >= 0:
        fits.append(f"with {dropping} dropping at most {most_corrupt(parties, dropping)} may be corrupt")
    if corrupt + 2 * dropping < COMPLETE_UP_TO:
        fits.append(f"{corrupt + 2 * dropping + 1} parties would bear both")
    return fits or ["ask for fewer of either"]
