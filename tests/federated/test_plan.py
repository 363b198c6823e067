"""The plan: every sum of a run from the agreement alone, with room for all rows and noise for the worst case."""

from __future__ import annotations

import math
import subprocess
import sys
from bisect import bisect_right

import msgspec
import numpy as np
import pytest

from tacit.errors import AgreementError
from tacit.federated.encoding import EXACT_UNITS, PRIVATE_UNITS
from tacit.federated.plan import (
    FRAME_BYTES,
    count_weight,
    layer_widths,
    make_plan,
    parameter_count,
    releases_of,
    round_shape,
    statistics_shape,
    unknown_shares,
)
from tacit.federated.privacy import Accountant, calibrate
from tacit.federated.secagg import thresholds
from tacit.federated.strategies import strategy_name
from tacit.kernels.packing import packed_bytes
from tacit.run.messages import FromCoordinator, Total
from tacit.study import Agreement, Model
from tacit.study.agreement import MAX_PARTIES
from tacit.wire import MAX_MESSAGE_BYTES, encode

from .agreements import make_agreement


def test_a_plan_is_the_statistics_and_then_the_rounds() -> None:
    plan = make_plan(make_agreement(rounds=4, unit="record"))
    assert [(step.index, step.kind) for step in plan.steps] == [(0, "statistics"), *((i, "round") for i in range(1, 5))]
    assert len({step.encoding for step in plan.steps[1:]}) == 1


@pytest.mark.parametrize(
    ("task", "hidden", "widths", "parameters"),
    [
        ("binary", (), (3, 1), 4),
        ("regression", (), (3, 1), 4),
        ("multiclass", (), (3, 3), 12),
        ("binary", (5,), (3, 5, 1), 26),
        ("multiclass", (4, 2), (3, 4, 2, 3), 35),
    ],
)
def test_lengths_follow_from_the_model(task: str, hidden: tuple, widths: tuple, parameters: int) -> None:
    agreement = make_agreement(task, hidden=hidden, unit="record")
    plan = make_plan(agreement)
    assert (layer_widths(agreement), parameter_count(agreement), plan.parameters) == (widths, parameters, parameters)
    assert [step.encoding.length for step in plan.steps[:2]] == [1 + 2 * 3, parameters + 1]
    assert make_plan(make_agreement(task, hidden=hidden)).steps[1].encoding.length == parameters + 2


def test_norm_bounds_are_those_of_the_documentation() -> None:
    agreement = make_agreement(unit="record", features=5, clip=2.0)
    assert statistics_shape(agreement)[1] == pytest.approx(math.sqrt(count_weight(5) ** 2 + 2 * 5))
    assert round_shape(agreement)[1] == pytest.approx(2 * math.sqrt(1 + 0.35**2))
    assert round_shape(make_agreement(clip=2.0))[1] == pytest.approx(2 * math.sqrt(1 + 0.35**2 + 0.25**2))


@pytest.mark.parametrize(("corrupt", "dropping", "unknown"), [(0, 0, 4), (1, 0, 4), (0, 2, 2), (1, 1, 3), (2, 1, 2)])
@pytest.mark.parametrize("unit", ["record", "party"])
def test_shares_that_nobody_who_looks_can_take_off_carry_the_noise(
    unit: str, corrupt: int, dropping: int, unknown: int
) -> None:
    """A party sees the totals and knows its own share of the noise, corrupt or merely curious."""
    agreement = make_agreement(unit=unit, parties=5, corrupt=corrupt, dropping=dropping)
    wanted = calibrate(agreement.privacy, agreement.training.rounds)
    statistics, one_round = make_plan(agreement).steps[:2]
    for step, multiplier in ((statistics, wanted.statistics), (one_round, wanted.round)):
        assert step.encoding.units == PRIVATE_UNITS
        assert step.encoding.noise_scale * math.sqrt(unknown) == pytest.approx(multiplier * PRIVATE_UNITS)
        assert step.multiplier == pytest.approx(multiplier)
        assert step.multiplier <= multiplier * (1 + 1e-12)


@pytest.mark.parametrize("unit", ["record", "party"])
@pytest.mark.parametrize("rounds", [1, 10, 300])
def test_the_accountant_takes_the_whole_plan(unit: str, rounds: int) -> None:
    agreement = make_agreement(unit=unit, rounds=rounds, statistics_share=0.5)
    releases = make_plan(agreement).releases()
    assert sum(releases.values()) == rounds + 1
    Accountant(agreement.privacy).require(releases)


def test_without_a_unit_there_is_no_noise_and_finer_rounding() -> None:
    plan = make_plan(make_agreement())
    assert plan.releases() == {}
    assert {(step.encoding.units, step.encoding.noise_scale, step.multiplier) for step in plan.steps} == {
        (EXACT_UNITS, 0.0, 0.0)
    }


@pytest.mark.parametrize(("unit", "room"), [("record", 3 * 200_000), ("party", 3), ("none", 3 * 200_000)])
def test_words_have_room_for_every_row_of_every_party(unit: str, room: int) -> None:
    for step in make_plan(make_agreement(unit=unit, max_rows=200_000)).steps:
        encoding = step.encoding
        assert 2 ** (encoding.word_bits - 1) > room * encoding.units + 5 * encoding.noise_scale
        assert 2 ** (encoding.word_bits // 2 - 1) <= room * encoding.units + 40 * encoding.noise_scale


@pytest.mark.parametrize("epsilon", np.geomspace(0.011, 4, 20).tolist())
def test_words_have_room_for_the_noise_of_all_parties_and_no_more(epsilon: float) -> None:
    """But for a chance of 2^-40 in each step: the noise of 100 parties is five deviations of ten times one's."""
    settings = {"unit": "party", "parties": 100, "corrupt": 97, "dropping": 1}
    encoding = make_plan(make_agreement(epsilon=epsilon, **settings)).steps[1].encoding
    most = 100 * encoding.units + encoding.noise_scale * math.sqrt(200 * math.log(2 * encoding.length * 2.0**40))
    assert 2 ** (encoding.word_bits - 2) <= most < 2 ** (encoding.word_bits - 1)


def test_more_rows_take_wider_words() -> None:
    bits = [make_plan(make_agreement(max_rows=rows)).steps[0].encoding.word_bits for rows in (40, 43, 86)]
    assert bits == [32, 33, 34]


def test_more_than_the_protocol_bears_is_refused() -> None:
    with pytest.raises(AgreementError, match="^3 parties cannot bear 1 corrupt and 1 dropping"):
        make_plan(make_agreement(corrupt=1, dropping=1))


@pytest.mark.parametrize(
    ("parties", "corrupt", "dropping", "fits"),
    [
        (3, 0, 0, True),
        (3, 1, 0, True),
        (3, 2, 0, False),
        (3, 0, 1, False),
        (4, 0, 1, True),
        (4, 1, 1, True),
        (4, 3, 0, False),
    ],
)
def test_without_a_unit_no_sum_is_over_one_party_besides_those_who_look(
    parties: int, corrupt: int, dropping: int, fits: bool
) -> None:
    """Of two survivors each would subtract its own vector, and have the other's."""
    settings = {"parties": parties, "corrupt": corrupt, "dropping": dropping}
    assert make_plan(make_agreement(unit="record", **settings)).steps
    if fits:
        assert make_plan(make_agreement(**settings)).steps
    else:
        with pytest.raises(AgreementError, match=r"work out its exact contribution: lower trust.corrupt or"):
            make_plan(make_agreement(**settings))


@pytest.mark.parametrize(
    ("parties", "corrupt", "dropping", "unknown"), [(9, 0, 0, 2), (12, 1, 1, 2), (14, 1, 0, 3), (17, 2, 1, 2)]
)
@pytest.mark.parametrize("unit", ["record", "party"])
def test_where_groups_are_summed_the_smallest_carries_the_noise_by_itself(
    unit: str, parties: int, corrupt: int, dropping: int, unknown: int
) -> None:
    """All of the corrupt and the lost may be in it."""
    agreement = make_agreement(unit=unit, parties=parties, corrupt=corrupt, dropping=dropping, poisoning=1)
    step = make_plan(agreement).steps[1]
    multiplier = calibrate(agreement.privacy, agreement.training.rounds).round
    assert step.encoding.noise_scale * math.sqrt(unknown) == pytest.approx(multiplier * PRIVATE_UNITS)
    assert step.multiplier == pytest.approx(multiplier)


def test_where_groups_are_summed_words_have_room_for_the_largest() -> None:
    """Of 70 parties with 43 rows each in 3 groups, 24 are in the largest: 1,032 rows, a bit more than 989."""
    for parties, rows, poisoning in ((69, 989, 1), (70, 1032, 1), (70, 3010, 0)):
        encoding = make_plan(make_agreement(parties=parties, max_rows=43, poisoning=poisoning)).steps[1].encoding
        assert encoding.word_bits == (rows * EXACT_UNITS).bit_length() + 1


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"parties": 10, "corrupt": 1, "dropping": 1},
            "sums 3 groups by themselves, and one of 3 parties cannot bear 1 corrupt and 1 dropping: .*"
            r"\(3 groups of 4 would be 12 parties\)",
        ),
        ({"parties": 9, "dropping": 1}, "of 3 parties of a group 0 corrupt and 1 dropping may leave one in a sum"),
        ({"parties": 15, "poisoning": 2, "dropping": 2}, r"\(5 groups of 5 would be 25 parties\)"),
        ({"parties": 12, "strategy": "scaffold"}, "set trust.poisoning = 0"),
    ],
)
def test_a_group_bears_by_itself_what_all_have_to(settings: dict, reason: str) -> None:
    with pytest.raises(AgreementError, match=reason):
        make_plan(make_agreement(**{"poisoning": 1, **settings}))


def test_as_many_as_the_refusal_asks_for_are_enough() -> None:
    for settings in (
        {"parties": 12, "corrupt": 1, "dropping": 1, "unit": "record"},
        {"parties": 12, "dropping": 1},
        {"parties": 25, "poisoning": 2, "dropping": 2},
        {"parties": 12, "strategy": "fedprox", "proximal": 0.1},
    ):
        assert make_plan(make_agreement(**{"poisoning": 1, **settings})).steps


def test_a_group_of_more_than_a_hundred_is_on_the_sparse_graph_like_any_sum() -> None:
    """The smaller groups are not: the plan is that of the worse of both."""
    agreement = make_agreement(parties=302, corrupt=2, dropping=12, poisoning=1, unit="record")
    assert [size for size in (100, 101) if thresholds.needs_sparse(size)] == [101]
    least = min(thresholds.least_in_sum(size, 2, 12) for size in (100, 101))
    assert unknown_shares(agreement) == least - 2
    assert make_plan(agreement).steps


def model_of(parameters: int) -> Model:
    return Model("torch", factory="net:make", source=f"sha256:{0:064x}", parameters=parameters)


def of_parameters(parameters: int) -> Agreement:
    """Five groups of three, and a model of so many parameters."""
    return make_agreement(parties=15, poisoning=2, model=model_of(parameters))


def test_totals_of_groups_fill_one_message_and_no_more() -> None:
    encoding = make_plan(of_parameters(1000)).steps[1].encoding
    others, room = encoding.length - 1000, (MAX_MESSAGE_BYTES - FRAME_BYTES) // 5
    least_above = bisect_right(range(2**25), room, key=lambda length: packed_bytes(length, encoding.word_bits))
    assert make_plan(of_parameters(least_above - 1 - others)).steps[1].encoding.word_bits == encoding.word_bits
    parameters = least_above - others
    with pytest.raises(
        AgreementError, match=rf"\(trust.poisoning = 2\) .* smaller model .* {parameters:,} .* or lower"
    ):
        make_plan(of_parameters(parameters))


def test_names_of_all_survivors_have_room_beside_the_words() -> None:
    names = tuple(f"{place:040d}" for place in range(MAX_PARTIES))
    assert len(encode(FromCoordinator(Total(b"", (names,))))) < FRAME_BYTES


def test_a_total_of_one_sum_that_no_message_takes_is_refused() -> None:
    with pytest.raises(AgreementError, match=r"the totals of a step are .* choose a smaller model .* parameters\)$"):
        make_plan(make_agreement(model=model_of(20_000_000), strategy="scaffold", max_rows=10**7, parties=100))


def test_local_steps_of_single_records_are_refused() -> None:
    with pytest.raises(AgreementError, match=r"set training.local_steps = 1"):
        make_plan(make_agreement(unit="record", local_steps=2))
    assert make_plan(make_agreement(unit="party", local_steps=2)).steps


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"unit": "record", "strategy": "fedadam", "local_steps": 2}, "set training.local_steps = 1"),
        ({"unit": "record", "strategy": "fedavg"}, "choose 'fedsgd' or 'fedadam', or privacy.unit 'party'"),
        ({"unit": "record", "strategy": "fedprox"}, "choose 'fedsgd' or 'fedadam', or privacy.unit 'party'"),
        ({"unit": "record", "strategy": "scaffold"}, "choose 'fedsgd' or 'fedadam', or privacy.unit 'party'"),
        ({"unit": "record", "batch_rows": 8}, "training.batch_rows is for local steps"),
        ({"unit": "record", "strategy": "fedadam", "batch_rows": 8}, "training.batch_rows is for local steps"),
        ({"unit": "party", "strategy": "fedsgd"}, "choose 'fedavg'"),
        ({"strategy": "fedsgd", "local_steps": 2}, "set training.local_steps = 1, or choose 'fedavg'"),
        ({"strategy": "fedavg", "proximal": 0.1}, "training.proximal is for training.strategy 'fedprox'"),
        ({"strategy": "fedsgd", "server_learning_rate": 0.5}, "training.server_learning_rate is not for 'fedsgd'"),
        ({"strategy": "scaffold", "momentum": 0.5}, "training.momentum is for training.strategy 'fedsgd'"),
        ({"unit": "party", "momentum": 0.5}, "not 'fedavg', which 'auto' is here: set it to 0"),
        ({"local_steps": 2, "momentum": 0.5}, "not 'fedavg', which 'auto' is here: set it to 0"),
        ({"strategy": "fedavg", "beta1": 0.8}, "training.beta1 is for training.strategy 'fedadam', not 'fedavg'"),
        ({"strategy": "scaffold", "beta2": 0.8}, "training.beta2 is for training.strategy 'fedadam', not 'scaffold'"),
        ({"tau": 0.5}, "training.tau is for training.strategy 'fedadam', not 'fedsgd'"),
        ({"strategy": "fedprox", "control_clip": 2.0}, "training.control_clip is for training.strategy 'scaffold'"),
        ({"validation_share": 0.2, "min_improvement": 0.1}, "training.min_improvement is for stopping early"),
    ],
)
def test_what_does_not_go_together_is_refused_with_what_does(settings: dict, reason: str) -> None:
    with pytest.raises(AgreementError, match=reason):
        make_plan(make_agreement(**settings))


@pytest.mark.parametrize(
    ("settings", "strategy"),
    [
        ({}, "fedsgd"),
        ({"unit": "record"}, "fedsgd"),
        ({"unit": "party"}, "fedavg"),
        ({"local_steps": 2}, "fedavg"),
        ({"unit": "party", "local_steps": 2}, "fedavg"),
        ({"strategy": "fedavg"}, "fedavg"),
        ({"unit": "record", "strategy": "fedadam"}, "fedadam"),
        ({"unit": "party", "strategy": "scaffold", "local_steps": 3}, "scaffold"),
    ],
)
def test_a_strategy_that_is_not_named_follows_from_unit_and_local_steps(settings: dict, strategy: str) -> None:
    agreement = make_agreement(**settings)
    assert strategy_name(agreement) == strategy
    assert make_plan(agreement).steps


def test_what_more_is_summed_is_in_length_and_bound() -> None:
    plain = round_shape(make_agreement(unit="party", clip=2.0))
    assert plain == (5, pytest.approx(2 * math.sqrt(1 + 0.35**2)))
    scaffold = round_shape(make_agreement(unit="party", clip=2.0, strategy="scaffold", local_steps=2))
    assert scaffold == (9, pytest.approx(2 * math.sqrt(2 + 0.35**2)))
    held = round_shape(make_agreement(unit="party", clip=2.0, validation_share=0.2))
    assert held == (6, pytest.approx(2 * math.sqrt(1 + 2 * 0.35**2)))
    for unit, more in (("record", 2), ("none", 2)):
        before, after = (round_shape(make_agreement(unit=unit, validation_share=share)) for share in (0.0, 0.2))
        assert after == (before[0] + more, before[1])


def test_a_budget_under_which_the_noise_vanishes_is_refused() -> None:
    agreement = make_agreement(unit="party", epsilon=1000.0, delta=1e-3, rounds=1, parties=100)
    assert all(step.encoding.noise_scale > 64 for step in make_plan(agreement).steps)
    # No checked agreement asks for so little; the plan does not rely on it.
    careless = msgspec.structs.replace(agreement.privacy, epsilon=1e6)
    with pytest.raises(AgreementError, match="so large that the noise vanishes"):
        make_plan(msgspec.structs.replace(agreement, privacy=careless))


def test_planning_takes_neither_torch_nor_numba() -> None:
    code = "import sys, tacit.federated.plan; print([m for m in ('torch', 'numba', 'opacus') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_releases_from_a_later_step_leave_out_what_went_before() -> None:
    plan = make_plan(make_agreement(unit="record", rounds=5))
    assert sum(plan.releases().values()) == 6
    assert sum(plan.releases(4).values()) == 2
    assert plan.releases(6) == {}


@pytest.mark.parametrize("unit", ["record", "party"])
@pytest.mark.parametrize(("rounds", "share"), [(30, 0.1), (30, 0.5), (7, 0.01), (1, 0.1), (100, 0.25)])
def test_statistics_taken_again_and_fewer_rounds_cost_no_more_than_the_plan(
    unit: str, rounds: int, share: float
) -> None:
    agreement = make_agreement(unit=unit, rounds=rounds, statistics_share=share)
    plan = make_plan(agreement)
    price, whole = plan.statistics_in_rounds, plan.releases()
    assert price == math.ceil(rounds * share / (1 - share) - 1e-6)
    again = releases_of([plan.steps[0], plan.steps[0], *plan.steps[1 + price :]])
    one_more = releases_of([plan.steps[0], plan.steps[0], *plan.steps[price:]])
    accountant = Accountant(agreement.privacy)
    assert accountant.fits(whole)
    assert accountant.fits(again)
    assert not accountant.fits(one_more)


def test_without_noise_statistics_taken_again_cost_no_round() -> None:
    assert make_plan(make_agreement(rounds=5)).statistics_in_rounds == 0


def test_the_digest_tells_plans_apart() -> None:
    def digest(**changes):
        return make_plan(make_agreement(unit="record", **changes)).digest

    assert digest(rounds=5) == digest(rounds=5)
    assert len({digest(rounds=5), digest(rounds=6), digest(rounds=5, epsilon=3.0), digest(rounds=5, features=4)}) == 4
