"""A long-lived process answers short-lived ones at a socket that only its own user reaches."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tacit.deploy import post
from tacit.deploy.post import Post, ask
from tacit.errors import FormatError, TacitError


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a Unix socket is short
    return tmp_path.relative_to(tmp_path) / "own.sock"


def test_answers_any_number_of_bytes(place):
    with Post(place, lambda question: question[::-1]):
        for question in (b"", b"abc", bytes(range(256)) * 20_000):
            assert ask(place, question, 10) == question[::-1]


def test_only_its_user_reaches_it_and_it_is_gone_afterwards(place):
    with Post(place, bytes):
        assert place.stat().st_mode & 0o777 == 0o600
    assert not place.exists()
    with pytest.raises(TacitError, match="nobody answers"):
        ask(place, b"", 1)


def test_a_question_that_cannot_be_answered_costs_only_itself(place):
    def answer(question):
        if question == b"nonsense":
            raise FormatError("no question")
        return question

    with Post(place, answer):
        with pytest.raises(FormatError, match="hung up"):
            ask(place, b"nonsense", 10)
        assert ask(place, b"sense", 10) == b"sense"


def test_a_length_over_the_limit_is_refused_before_it_is_read(place, monkeypatch):
    monkeypatch.setattr(post, "MAX_BYTES", 10)
    with Post(place, lambda question: b"x" * 11):
        with pytest.raises(FormatError, match="at most 10"):
            ask(place, b"", 10)
        with pytest.raises(TacitError):
            ask(place, b"x" * 11, 10)


def test_one_that_hangs_up_in_the_middle_costs_only_itself(place):
    with Post(place, lambda question: question):
        with socket.socket(socket.AF_UNIX) as rude:
            rude.connect(str(place))
            rude.sendall(b"\0\0\0")
        assert ask(place, b"x", 10) == b"x"


def test_a_place_that_is_taken_says_so(place):
    place.write_text("")
    with pytest.raises(TacitError, match="cannot listen at"):
        Post(place, bytes)


def test_no_more_are_answered_at_once_than_there_are_places_and_the_others_wait(place, monkeypatch):
    monkeypatch.setattr(post, "MAX_QUESTIONS", 2)
    inside, most, gate = [], [], threading.Event()

    def answer(question):
        inside.append(question)
        most.append(len(inside))
        gate.wait(20)
        inside.remove(question)
        return question

    with Post(place, answer), ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(ask, place, bytes([number]), 30) for number in range(6)]
        while len(inside) < 2:
            time.sleep(0.01)
        gate.set()
        assert [each.result() for each in asked] == [bytes([number]) for number in range(6)]
    assert max(most) == 2


def test_it_goes_on_where_the_system_has_no_thread_left_for_a_moment(place, monkeypatch):
    start, refused = threading.Thread.start, []

    def unwilling(thread):
        if thread.name == "tacit post: one" and not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", unwilling)
    with Post(place, lambda question: question):
        with pytest.raises(TacitError):
            ask(place, b"x", 2)
        assert ask(place, b"x", 10) == b"x"
    assert refused
