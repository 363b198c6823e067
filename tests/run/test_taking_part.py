"""From a study folder to a bundle on disk, over real channels: what is refused before, and what is lost after."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tacit.bundle import Bundle, verify
from tacit.errors import AgreementError, ProtocolError, TacitError
from tacit.keys import Identity
from tacit.run import take_part
from tacit.study import Study
from tacit.wire import Listener, connect

from .acting import COORDINATOR, NAMES, own_copy

START = "start the coordinator first, `tacit train` with its identity, then the parties"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def place(people, tmp_path):
    """A study whose coordinator is at a free port of this machine, and a table for each party."""
    study = people.study(tmp_path / "study", address=f"127.0.0.1:{free_port()}", timeout=20)
    for name in NAMES:
        rows = [
            f"{age},{dose},{'yes' if label else 'no'}"
            for (age, dose), label in zip(people.tables[name].features, people.tables[name].labels, strict=True)
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(["age,dose,ill", *rows]) + "\n")
    return study


class Taking:
    """Everyone's `take_part`, each in a thread of its own."""

    def __init__(self, people, study, tmp_path, watch=None):
        self.people, self.study, self.folder = people, study, tmp_path
        self.watch = watch or (lambda name, event: None)
        self.reports, self.errors = {}, {}

    def one(self, name):
        data = self.folder / f"{name}.csv" if name in NAMES else None
        out = self.folder / "out" / f"{name}.tacit"
        study, identity = own_copy(self.study, name), self.people.identities[name]
        try:
            self.reports[name] = take_part(study, identity, data, out, None, lambda event: self.watch(name, event))
        except TacitError as error:
            self.errors[name] = error

    def go(self, names=(*NAMES, COORDINATOR)):
        (self.folder / "out").mkdir(exist_ok=True)
        with ThreadPoolExecutor() as threads:
            for future in [threads.submit(self.one, name) for name in names]:
                future.result()
        return self


def test_everyone_has_the_same_file_and_only_parties_hear_of_their_rows(people, place, tmp_path):
    run = Taking(people, place, tmp_path).go()
    assert run.errors == {}
    assert len({(tmp_path / "out" / f"{name}.tacit").read_bytes() for name in (*NAMES, COORDINATOR)}) == 1
    assert verify(tmp_path / "out" / "north.tacit", study=place).holds
    assert run.reports[COORDINATOR].fixed_point is None
    assert not list(own_copy(place, COORDINATOR).member_folder(COORDINATOR).glob("*.jsonl"))
    (log,) = own_copy(place, COORDINATOR).run_logs(COORDINATOR)
    assert list(log)[-1].kind == "sealed"
    assert run.reports["north"].fixed_point["rows"] == len(people.tables["north"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        f"{name}.tacit" for name in (*NAMES, COORDINATOR)
    )


def test_a_party_without_its_peers_gives_up_and_names_whom_it_missed(people, tmp_path):
    study = people.study(tmp_path / "study", address=f"127.0.0.1:{free_port()}", timeout=1)
    (tmp_path / "north.csv").write_text("age,dose,ill\n30,0.5,no\n60,0.25,yes\n")
    run = Taking(people, study, tmp_path).go(("north",))
    assert isinstance(run.errors["north"], ProtocolError)
    assert run.errors["north"].culprit == COORDINATOR


def test_a_party_says_that_it_waits_for_the_coordinator_and_in_the_end_what_to_start(people, tmp_path):
    address = f"127.0.0.1:{free_port()}"
    study = people.study(tmp_path / "study", address=address, timeout=1)
    (tmp_path / "north.csv").write_text("age,dose,ill\n30,0.5,no\n60,0.25,yes\n")
    told = []
    run = Taking(people, study, tmp_path, lambda name, event: told.append((event.kind, event.body))).go(("north",))
    said = f"no coordinator at {address} yet (Connection refused): it has to be started; trying for 1 s"
    assert told == [("waiting", {"reason": said, "seconds": 1.0})]
    assert str(run.errors["north"]).endswith("Connection refused; " + START)
    assert (run.errors["north"].culprit, run.errors["north"].step) == (COORDINATOR, "connect")


def test_who_answers_and_is_another_is_not_to_be_started(people, tmp_path):
    """What to do is said where nobody is there, and nowhere else."""
    stranger = Identity.new(COORDINATOR)
    with Listener("127.0.0.1", 0, stranger, [people.identities["north"].public]) as there:
        study = people.study(tmp_path / "study", address=f"127.0.0.1:{there.address[1]}", timeout=5)
        (tmp_path / "north.csv").write_text("age,dose,ill\n30,0.5,no\n60,0.25,yes\n")
        with ThreadPoolExecutor() as threads:
            answer = threads.submit(there.accept, 10)
            run = Taking(people, study, tmp_path).go(("north",))
            assert isinstance(answer.exception(), ProtocolError)
    assert run.errors["north"].step != "connect"
    assert "start the coordinator" not in str(run.errors["north"])


def test_a_coordinator_without_parties_names_them(people, tmp_path):
    study = people.study(tmp_path / "study", address=f"127.0.0.1:{free_port()}", timeout=1)
    run = Taking(people, study, tmp_path).go((COORDINATOR,))
    assert run.errors[COORDINATOR].culprit == ", ".join(NAMES)
    assert not (tmp_path / "out" / f"{COORDINATOR}.tacit").exists()


def test_a_stranger_at_the_door_is_refused_and_the_run_goes_on(people, place, tmp_path):
    stranger = Identity.new("south")
    host, port = place.agreement.coordinator.host, place.agreement.coordinator.port
    knocked = threading.Event()

    def watch(name, event):
        if name == COORDINATOR and event.kind == "connected" and not knocked.is_set():
            knocked.set()
            with contextlib.suppress(TacitError):
                connect(host, port, stranger, place.coordinator, timeout=10.0).close()

    run = Taking(people, place, tmp_path, watch).go()
    assert knocked.is_set()
    assert set(run.reports) == {*NAMES, COORDINATOR}


def test_a_bundle_that_cannot_be_written_at_the_end_is_to_be_had_from_the_others(people, place, tmp_path):
    """Someone takes the folder away meanwhile, or fills the disk: nothing is half written, and nothing is lost."""

    def watch(name, event):
        if name == "south" and event.kind == "sealed":
            (tmp_path / "out").rename(tmp_path / "away")

    run = Taking(people, place, tmp_path, watch).go((*NAMES, COORDINATOR))
    assert "south" in run.errors
    assert "cannot write" in str(run.errors["south"])
    assert "the other members have the same bundle, copy theirs" in str(run.errors["south"])
    assert not list(tmp_path.glob("*/south.tacit"))


@pytest.fixture
def alone(people, tmp_path):
    """One member's `take_part`, for what is refused before anybody is spoken to: there is nobody there."""
    study = people.study(tmp_path / "study", timeout=1)
    (tmp_path / "north.csv").write_text("age,dose,ill\n30,0.5,no\n60,0.25,yes\n")

    def take(name="north", data="north.csv", out="out.tacit", listen=None, identity=None, store=None):
        own, table = identity or people.identities[name], tmp_path / data if data else None
        mine = Study.load(study.folder)
        return take_part(mine, own, table, tmp_path / out, listen, lambda event: None, store=store)

    return take


def refused(take, reason, kind=TacitError, **ways):
    with pytest.raises(kind, match=reason) as caught:
        take(**ways)
    assert not isinstance(caught.value, ProtocolError), "somebody was spoken to"


def test_what_is_there_is_not_written_over(alone, tmp_path):
    """The bundle of an earlier run has cost its privacy; and a table or a key is easily named by mistake."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    for out in ("north.csv", "link", "folder"):
        refused(alone, "exists already and is not written over", out=out)
    assert (tmp_path / "north.csv").read_text().startswith("age")


def test_a_place_where_nothing_can_be_written_is_refused_before_anything_is_spent(alone, tmp_path):
    refused(alone, "No such file or directory; check the folder", out="missing/out.tacit")
    refused(alone, "cannot write", out="north.csv/out.tacit")
    refused(alone, "cannot write", out="x" * 300)


def test_each_role_has_its_arguments(people, alone):
    refused(alone, "is a party: give its table", AgreementError, data=None)
    refused(alone, "never sees a table", AgreementError, name=COORDINATOR)
    refused(alone, "is a party, which keeps its record in its folder", AgreementError, store="sqlite:///x")
    refused(alone, "has to be a file that lasts", TacitError, name=COORDINATOR, data=None, store="sqlite://")
    refused(alone, "is not a member of the study", AgreementError, identity=Identity.new("north"))
    refused(alone, "is not a member of the study", AgreementError, identity=Identity.new("stranger"))


@pytest.mark.parametrize("listen", ["somewhere", "somewhere:", "somewhere:http", "somewhere:²", "somewhere:٣", ":-1"])
def test_an_address_to_listen_at_has_a_port(alone, listen):
    refused(alone, "is not HOST:PORT", AgreementError, name=COORDINATOR, data=None, listen=listen)


def test_a_recipient_takes_no_part(people, tmp_path):
    buyer = Identity.new("buyer")
    text = people.study(tmp_path / "first").agreement_bytes.decode()
    recipient = f'\n[[release.recipients]]\nname = "buyer"\nkey = "{buyer.public.fingerprint}"\n'
    text = text.replace("\n[data]", recipient + "\n[data]", 1)
    publics = [identity.public for identity in people.identities.values()]
    study = Study.new(tmp_path / "study", text.encode(), [*publics, buyer.public])
    for name in NAMES:
        study.sign(people.identities[name])
    with pytest.raises(AgreementError, match="'buyer' receives the model but takes no part"):
        take_part(study, buyer, None, tmp_path / "out.tacit", None, lambda event: None)


def test_nothing_begins_under_an_agreement_that_is_not_signed_or_not_to_be_met(people, alone, tmp_path):
    signature = tmp_path / "study" / "signatures" / "west.sig"
    kept = signature.read_bytes()
    signature.unlink()
    refused(alone, "west: has not signed", AgreementError)
    signature.write_bytes(kept)
    path = tmp_path / "study" / "study.toml"
    path.write_text(path.read_text().replace("corrupt = 1", "corrupt = 2"))
    study = Study.load(tmp_path / "study")
    for name in NAMES:
        study.sign(people.identities[name])
    refused(alone, "cannot bear 2 corrupt and 1 dropping", AgreementError)


def started(folder, name, study, *arguments):
    """`tacit train` in a process of its own."""
    command = "from tacit.cli import main; main()"
    words = ["train", study, "--identity", folder / f"{name}.key", "--out", folder / f"{name}.tacit", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", command, *map(str, [*words, *arguments])],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


@pytest.mark.slow
def test_a_party_killed_in_mid_run_does_not_stop_the_others_and_leaves_what_can_be_read(people, tmp_path):
    """SIGKILL to a process in the middle of the rounds: its log says what it has spent, and its place is free."""
    study = people.study(tmp_path / "study", address=f"127.0.0.1:{free_port()}", rounds=8)
    processes = {}
    for name in (*NAMES, COORDINATOR):
        people.identities[name].save(tmp_path / f"{name}.key")
        arguments = ()
        if name in NAMES:
            rows = zip(people.tables[name].features, people.tables[name].labels, strict=True)
            lines = [f"{age},{dose},{'yes' if label else 'no'}" for (age, dose), label in rows]
            (tmp_path / f"{name}.csv").write_text("\n".join(["age,dose,ill", *lines]) + "\n")
            arguments = ("--data", tmp_path / f"{name}.csv")
        processes[name] = started(tmp_path, name, own_copy(study, name).folder, *arguments)
    south = processes.pop("south")
    with south:
        for line in south.stdout:
            if json.loads(line).get("step") == 3:
                os.kill(south.pid, signal.SIGKILL)
                break
    for process in processes.values():
        process.communicate()
        assert process.returncode == 0
    bundle = Bundle.load(tmp_path / "north.tacit")
    assert bundle.manifest.absent == ("south",)
    assert verify(tmp_path / "north.tacit", study=study).holds
    assert not (tmp_path / "south.tacit").exists()
    copy = own_copy(study, "south")
    (log,) = copy.run_logs("south")
    charged = [entry.body["step"] for entry in log if entry.kind == "release"]
    assert charged == list(range(len(charged)))
    assert len(charged) >= 4
    with copy.running("south"):
        pass
