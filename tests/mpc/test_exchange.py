"""Rounds, and independent protocols that share them."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.exchange import Exchange, Received, Wanted, together


def speaker(words, rounds, heard):
    for number in range(rounds):
        answer = yield Exchange(
            to_previous=(np.full(words, number, np.uint8),), from_next=(Wanted((words,), np.uint8),)
        )
        heard.append(answer.from_next[0].tolist())
    return rounds


def driven(protocol):
    """Everything a party sends to its previous one comes back as if from the next."""
    sizes, answer = [], None
    while True:
        try:
            exchange = next(protocol) if answer is None else protocol.send(answer)
        except StopIteration as stop:
            return sizes, stop.value
        sizes.append(exchange.bytes_sent)
        answer = Received((), exchange.to_previous)


def test_protocols_side_by_side_take_as_many_rounds_as_the_longest():
    first, second = [], []
    sizes, results = driven(together(speaker(2, 3, first), speaker(5, 1, second)))
    assert sizes == [7, 2, 2]
    assert results == (3, 1)
    assert first == [[0, 0], [1, 1], [2, 2]]
    assert second == [[0, 0, 0, 0, 0]]


def test_protocols_without_a_round_are_fine_side_by_side():
    def silent():
        return 7
        yield

    assert driven(together(silent(), silent()))[1] == (7, 7)


def test_side_by_side_within_side_by_side():
    heard = [[], [], []]
    sizes, results = driven(
        together(together(speaker(1, 2, heard[0]), speaker(2, 1, heard[1])), speaker(3, 2, heard[2]))
    )
    assert results == ((2, 1), 2)
    assert sizes == [6, 4]
    assert heard[2] == [[0, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("shape", "dtype", "size"), [((), np.uint64, 8), ((3, 0), np.uint8, 0), ((3, 5), np.uint16, 30)]
)
def test_what_is_wanted_has_a_size(shape, dtype, size):
    assert Wanted(shape, dtype).nbytes == size
