"""Fairness: the gap between two groups in what a committed model predicts is at most a bound, on a set.

With bits q (predicted 1), g (of group 1) and y (label 1) for each row, the sums of q, g q, y q and g y q give how often
the model says 1 in each group (and for each label). A gap |P1 / n1 - P0 / n0| <= a / b is then, over the integers,

    slack = a n0 n1 - b (P1 n0 - P0 n1) >= 0,      slack' = a n0 n1 + b (P1 n0 - P0 n1) >= 0,

both committed in digits. Nothing wraps: n <= 2^20 and b <= 2^20, so each side is below 2^60.

*Demographic parity*: the share of rows predicted 1. *Equalised odds*: the same among rows labelled 1 (true positive
rate), and among rows labelled 0 (false positive rate). Shown: the bound and the sizes of the groups, for equalised odds
by label, as a gap says nothing of a group that may have one row. Hidden: the rates, the gaps, and all about rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.proofs.channel import Value
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.dataset.public import PublicSet
from tacit.proofs.field import MODULUS, ONE, Element
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.statements.assessment import Assessment
from tacit.proofs.statements.counting import prove_bits, total, verify_bits
from tacit.proofs.tensors import Axes, Tensor, bits_of, corner

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

MOST_DENOMINATOR = 2**20
SLACK = "fairness/slack"
GAP_CHECK, GROUPS_CHECK, LABELS_CHECK = "fairness: the gap", "fairness: the groups", "fairness: the labels"
PRODUCTS_CHECK = "fairness: the counts"


@dataclass(frozen=True)
class Sizes:
    """groups: how many rows each group has; positives: how many of them are labelled 1, for equalised odds."""

    groups: tuple[int, int]
    positives: tuple[int, int] | None = None

    @classmethod
    def of(cls, parts: Mapping[str, Ints], *, by_label: bool) -> Sizes:
        """Those of a set, from its arrays `labels` and `groups`."""
        if "groups" not in parts:
            raise ProofError("the set has no groups: describe it with groups, and commit to it anew")
        groups, labels = parts["groups"], parts["labels"]
        counts = np.bincount(groups, minlength=2).tolist()
        positives = np.bincount(groups[labels == 1], minlength=2).tolist()
        return cls((counts[0], counts[1]), (positives[0], positives[1]) if by_label else None)


@dataclass(frozen=True)
class Rate:
    """How often 1 is predicted in group 1 and in group 0, of so many rows each."""

    hits: tuple[Value, Value]
    rows: tuple[int, int]


class Fairness(Assessment):
    """bound: the greatest gap, an exact fraction. sizes: of the groups; they are shown, and proved."""

    by_label: ClassVar[bool]
    what: ClassVar[str]

    def __init__(self, model: ModelCommitment, data: SetCommitment | PublicSet, bound: Fraction, sizes: Sizes) -> None:
        super().__init__(model, data)
        self.bound, self.sizes = Fraction(bound), sizes
        if not (0 <= self.bound < 1 and self.bound.denominator <= MOST_DENOMINATOR):
            raise ProofError(f"a bound is from 0 to less than 1, with a denominator of at most {MOST_DENOMINATOR}")
        if not data.description.grouped or data.description.classes != 2:
            raise ProofError("fairness is of a set with groups, and labels of two classes")
        self._check_sizes()
        self.prepare()

    @abstractmethod
    def rates(self, count: Value, products: Sequence[Value]) -> list[Rate]:
        """The rates whose gaps are bounded; count: of rows predicted 1."""

    def asked(self) -> dict[str, object]:
        """The bound, and the sizes."""
        return {
            "bound": [self.bound.numerator, self.bound.denominator],
            "groups": self.sizes.groups,
            "positives": self.sizes.positives,
        }

    def place(self) -> None:
        """The slacks of each gap."""
        allowed = [self.bound.numerator * n0 * n1 for n0, n1 in self._populations()]
        axes = Axes((2 * len(allowed),))
        width = max(1, (2 * max(allowed)).bit_length())
        self.slack = Tensor((), axes, self.planning.limbs(SLACK, axes, width, exact=True))

    def check_claim(self, verifying: Verifying) -> None:
        """Groups (and labels) are bits of the stated numbers; the products' sums; the gaps."""
        for bits, count, check in self._bits():
            verify_bits(verifying, bits, count, check)
        predicted = verifying.evaluation(total(self.prediction.tensor), PRODUCTS_CHECK)
        products = self._check_products(verifying)
        for number, slack in enumerate(self._slacks(self.rates(predicted, products))):
            place = corner(bits_of(number, self.slack.axes.variables))
            verifying.equal(self.slack.at(place), slack, GAP_CHECK)

    def judge(self, values: Values, predicted: Ints, parts: Mapping[str, Ints]) -> None:
        """The slacks; ProofError where the sizes are others, or a gap is over the bound."""
        if Sizes.of(parts, by_label=self.by_label) != self.sizes:
            raise ProofError("the set's groups are of other sizes than those stated")
        products = [Element(int((product * predicted).sum())) for product in self._columns(parts)]
        rates = self.rates(Element(int(predicted.sum())), products)
        slacks = [_signed(value) for value in self._slacks(rates)]
        if min(slacks) < 0:
            raise ProofError(f"the gap between the groups in {self.what} is over the bound")
        values.put(SLACK, np.array(slacks))

    def follow_claim(self, proving: Proving) -> None:
        """What `check_claim` reads."""
        for bits, _, _ in self._bits():
            prove_bits(proving, bits)
        proving.evaluation(total(self.prediction.tensor))
        self._prove_products(proving)
        for number in range(self.slack.axes.sizes[0]):
            proving.equal(self.slack.at(corner(bits_of(number, self.slack.axes.variables))))

    def sentence(self) -> str:
        """The statement for people, with what it does not say."""
        model, data = self.subject
        n0, n1 = self.sizes.groups
        labelled = ""
        if self.sizes.positives is not None:
            labelled = " ({} and {} of them labelled 1)".format(*self.sizes.positives)
        return (
            f"On {data}, whose two groups have {n0} and {n1} rows{labelled}, {model[0].lower()}{model[1:]} has a gap"
            f" of at most {self.bound} between the groups in {self.what}. It does not say that the model is fair in any"
            f" other sense, within the groups or by other groupings, or how large the gap is on other rows."
            f" {self.nothing_of}"
        )

    def _check_sizes(self) -> None:
        groups, positives = self.sizes.groups, self.sizes.positives
        if (positives is not None) != self.by_label:
            raise ProofError(f"{self.kind} needs sizes {'with' if self.by_label else 'without'} the positives")
        if min(groups) < 0 or sum(groups) != self.count:
            raise ProofError(f"the groups' sizes {groups} are not those of {self.count} rows")
        for population in self._populations():
            if min(population) < 1:
                raise ProofError(f"a group is empty, so there is no rate of it: {self.sizes}")

    def _populations(self) -> list[tuple[int, int]]:
        """How many rows of group 0 and of group 1 each rate is of."""
        (n0, n1), positives = self.sizes.groups, self.sizes.positives
        if positives is None:
            return [(n0, n1)]
        return [positives, (n0 - positives[0], n1 - positives[1])]

    def _slacks(self, rates: list[Rate]) -> list[Value]:
        slacks: list[Value] = []
        for rate in rates:
            (hits1, hits0), (n0, n1) = rate.hits, rate.rows
            gap = (hits1 * n0 - hits0 * n1) * self.bound.denominator
            allowed = self.bound.numerator * n0 * n1
            slacks += [allowed - gap, allowed + gap]
        return slacks

    @property
    def _groups(self) -> Tensor:
        groups = self.placed.groups
        assert groups is not None
        return groups

    @abstractmethod
    def _bits(self) -> list[tuple[Tensor, int, str]]:
        """The columns that must be bits, how many are 1, and the check's name."""

    @abstractmethod
    def _columns(self, parts: Mapping[str, Ints]) -> list[Ints]:
        """What is multiplied by q for each product."""

    @abstractmethod
    def _check_products(self, verifying: Verifying) -> list[Value]:
        """The sums of the products, received and checked."""

    @abstractmethod
    def _prove_products(self, proving: Proving) -> None:
        """Send what `_check_products` reads."""


class DemographicParity(Fairness):
    """The share of rows that are predicted 1, in each group."""

    kind: ClassVar[str] = "demographic parity"
    by_label: ClassVar[bool] = False
    what: ClassVar[str] = "how often it predicts class 1"

    def rates(self, count: Value, products: Sequence[Value]) -> list[Rate]:
        """One."""
        return [Rate((products[0], count - products[0]), self.sizes.groups)]

    def _bits(self) -> list[tuple[Tensor, int, str]]:
        return [(self._groups, self.sizes.groups[1], GROUPS_CHECK)]

    def _columns(self, parts: Mapping[str, Ints]) -> list[Ints]:
        return [parts["groups"]]

    def _check_products(self, verifying: Verifying) -> list[Value]:
        both = verifying.receive()
        at, value = verifying.sumcheck(both, self._groups.axes.variables, 2)
        group = verifying.evaluation(self._groups.at(at), PRODUCTS_CHECK)
        predicted = verifying.evaluation(self.prediction.tensor.at(at), PRODUCTS_CHECK)
        verifying.receiver.require_zero(verifying.product(group, predicted) - value, PRODUCTS_CHECK)
        return [both]

    def _prove_products(self, proving: Proving) -> None:
        tables = [proving.table(tensor) for tensor in (self._groups, self.prediction.tensor)]
        proving.send(proving.dot(tables[0], tables[1]))
        at, _ = proving.sumcheck([(ONE, (0, 1))], tables)
        proving.evaluation(self._groups.at(at))
        proving.evaluation(self.prediction.tensor.at(at))


class EqualisedOdds(Fairness):
    """The share of rows that are predicted 1 among those labelled 1, and among those labelled 0, in each group."""

    kind: ClassVar[str] = "equalised odds"
    by_label: ClassVar[bool] = True
    what: ClassVar[str] = "the true positive rate and in the false positive rate"

    def rates(self, count: Value, products: Sequence[Value]) -> list[Rate]:
        """Of true and of false positives."""
        group, label, both = products
        true = Rate((both, label - both), self._populations()[0])
        false = Rate((group - both, count - label - group + both), self._populations()[1])
        return [true, false]

    def _bits(self) -> list[tuple[Tensor, int, str]]:
        positives = self._positives
        return [
            (self._groups, self.sizes.groups[1], GROUPS_CHECK),
            (self.placed.labels, sum(positives), LABELS_CHECK),
        ]

    def _columns(self, parts: Mapping[str, Ints]) -> list[Ints]:
        return [parts["groups"], parts["labels"], parts["groups"] * parts["labels"]]

    def _check_products(self, verifying: Verifying) -> list[Value]:
        """The sums of g q, y q, g y q and g y, the last of which is stated: one sumcheck of degree 3."""
        sums = verifying.receiver.receive(3)
        mix = _powers(verifying.receiver.challenge())
        claim: Value = mix[3] * self._positives[1]
        for factor, each in zip(mix, sums, strict=False):
            claim = claim + each * factor
        at, value = verifying.sumcheck(claim, self._groups.axes.variables, 3)
        tensors = self._groups, self.placed.labels, self.prediction.tensor
        group, label, predicted = (verifying.evaluation(tensor.at(at), PRODUCTS_CHECK) for tensor in tensors)
        both = verifying.receive()
        verifying.receiver.require_zero(verifying.product(group, label) - both, PRODUCTS_CHECK)
        parts: list[Value] = [verifying.product(each, predicted) for each in (group, label, both)]
        for factor, part in zip(mix, [*parts, both], strict=True):
            value = value - part * factor
        verifying.receiver.require_zero(value, PRODUCTS_CHECK)
        return sums

    def _prove_products(self, proving: Proving) -> None:
        tensors = self._groups, self.placed.labels, self.prediction.tensor
        group, label, predicted = (proving.table(tensor) for tensor in tensors)
        proving.send(*(proving.dot(column, predicted) for column in (group, label, group * label)))
        mix = _powers(proving.point(1)[0])
        terms = list(zip(mix, [(0, 2), (1, 2), (0, 1, 2), (0, 1)], strict=True))
        at, finals = proving.sumcheck(terms, [group, label, predicted])
        for tensor in tensors:
            proving.evaluation(tensor.at(at))
        proving.send(finals[0] * finals[1])

    @property
    def _positives(self) -> tuple[int, int]:
        assert self.sizes.positives is not None
        return self.sizes.positives


def _powers(base: Element) -> list[Element]:
    return [ONE, base, base * base, base * base * base]


def _signed(value: Value) -> int:
    """A small integer in the field, negative ones too."""
    assert isinstance(value, Element)
    return value.real if value.real < 1 << 63 else value.real - MODULUS
