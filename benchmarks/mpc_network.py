"""Three hosts on one machine: network namespaces whose packets a process delays, at the pace of an emulated line.

The kernel's own emulation, `tc netem`, is a module that many machines lack; TUN devices are there more often. Each
namespace has one, and a process behind them all reads packets, holds them as long as the line would, and writes them to
the namespace that they are for. It takes a part of a core, from either side of a benchmark alike. Needs Linux, root and
iproute2.

Run: python mpc_network.py     measures what the emulated networks do
"""

from __future__ import annotations

import fcntl
import heapq
import multiprocessing
import os
import select
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

HOSTS = 3
MTU = 9000  # bytes: jumbo frames, or one process could not keep up with 1 Gbit/s
QUEUE = 2**14  # packets that a device holds before it drops any
SUBNET, PORT = "10.213.77", 9000

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x1, 0x1000


@dataclass(frozen=True)
class Line:
    """What joins each host to the others: bits a second out of each host, and seconds there and back."""

    name: str
    rate: float
    round_trip: float

    def __str__(self) -> str:
        return f"{self.name} ({self.rate / 1e6:,.0f} Mbit/s, {self.round_trip * 1e3:g} ms there and back)"


LAN = Line("LAN", 1e9, 0.5e-3)
WAN = Line("WAN", 100e6, 40e-3)


@dataclass(frozen=True)
class Hosts:
    """Where the three parties run.

    Attributes:
        addresses: of each, without a port.
        prefixes: the words before a command that has to run on each.
    """

    addresses: tuple[str, ...]
    prefixes: tuple[tuple[str, ...], ...]


LOOPBACK = Hosts(("127.0.0.1",) * HOSTS, ((),) * HOSTS)


class UnavailableError(Exception):
    """This machine cannot emulate a network; the message says what is missing."""


@contextmanager
def emulated(line: Line) -> Iterator[Hosts]:
    """Three hosts joined by `line` until the block ends; raises UnavailableError."""
    if shutil.which("ip") is None:
        raise UnavailableError("no `ip` (Debian's iproute2)")
    names = [f"tacit-{os.getpid()}-{place}" for place in range(HOSTS)]
    addresses = tuple(f"{SUBNET}.{place + 1}" for place in range(HOSTS))
    with ExitStack() as stack:
        devices = []
        for place, (name, address) in enumerate(zip(names, addresses, strict=True)):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            device = f"tacit{place}"
            devices.append(_tun(device))
            stack.callback(os.close, devices[-1])
            _ip("link", "set", device, "netns", name)
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
            _ip("-n", name, "link", "set", device, "mtu", str(MTU), "txqueuelen", str(QUEUE), "up")
        carrier = multiprocessing.get_context("fork").Process(target=_carry, args=(devices, line), daemon=True)
        carrier.start()
        stack.callback(carrier.join)
        stack.callback(carrier.terminate)
        yield Hosts(addresses, tuple(("ip", "netns", "exec", name) for name in names))


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise UnavailableError(f"`ip {' '.join(arguments)}`: {done.stderr.strip()}")


def _tun(name: str) -> int:
    """Make a TUN device of raw IP packets; the file descriptor behind it."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        raise UnavailableError(f"/dev/net/tun: {error.strerror}") from error
    try:
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        os.close(device)
        raise UnavailableError(f"TUN device: {error.strerror}") from error
    return device


def _carry(devices: Sequence[int], line: Line) -> None:
    """Move packets until terminated; `free` is when the line out of each host has sent what is before."""
    waiting: list[tuple[float, int, int, bytes]] = []
    free = dict.fromkeys(devices, 0.0)
    number = 0
    while True:
        pause = max(0.0, waiting[0][0] - time.perf_counter()) if waiting else None
        for device in select.select(devices, [], [], pause)[0]:
            for packet in _packets(device):
                place = packet[19] - 1 if packet[0] >> 4 == 4 else HOSTS  # the last byte of the destination, IPv4
                if place < HOSTS:
                    free[device] = max(free[device], time.perf_counter()) + 8 * len(packet) / line.rate
                    number += 1
                    heapq.heappush(waiting, (free[device] + line.round_trip / 2, number, devices[place], packet))
        now = time.perf_counter()
        while waiting and waiting[0][0] <= now:
            _, _, device, packet = heapq.heappop(waiting)
            _deliver(device, packet)


def _packets(device: int, most: int = 16) -> Iterator[bytes]:
    # Not all that there are: others wait, and so do packets whose time has come.
    for _ in range(most):
        try:
            yield os.read(device, 2**16)
        except BlockingIOError:
            return


def _deliver(device: int, packet: bytes) -> None:
    with suppress(OSError):  # the host is full or gone: a packet lost, as on any line
        os.write(device, packet)


PROBES, LOADS = 21, 5


def measure(line: Line, size: int = 10_000_000) -> tuple[float, float]:
    """Seconds there and back for a byte, and bits a second of a TCP connection that has grown to its pace."""
    with emulated(line) as hosts:
        told = [sys.executable, __file__, hosts.addresses[0], str(size)]
        server = subprocess.Popen([*hosts.prefixes[0], *told, "serve"])
        client = subprocess.run([*hosts.prefixes[1], *told, "ask"], check=True, stdout=subprocess.PIPE, text=True)
        server.wait()
    there_and_back, load = map(float, client.stdout.split())
    return there_and_back, 8 * size / (load - line.round_trip)


def _serve(address: str, size: int) -> None:
    with socket.create_server((address, PORT)) as listener, listener.accept()[0] as end:
        for length in [1] * PROBES + [size] * LOADS:
            _take(end, length)
            end.sendall(b"!")


def _ask(address: str, size: int) -> None:
    times = []
    with _connected(address) as end:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for length in [1] * PROBES + [size] * LOADS:
            data = bytes(length)
            begun = time.perf_counter()
            end.sendall(data)
            _take(end, 1)
            times.append(time.perf_counter() - begun)
    print(statistics.median(times[:PROBES]), min(times[PROBES:]))


def _connected(address: str) -> socket.socket:
    for _ in range(100):  # until the other has begun to listen
        try:
            return socket.create_connection((address, PORT))
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise ConnectionRefusedError(address)


def _take(end: socket.socket, count: int) -> None:
    while count:
        received = len(end.recv(min(count, 2**20)))
        assert received, "the other hung up"
        count -= received


def main() -> None:
    for line in (LAN, WAN):
        try:
            seconds, pace = measure(line)
        except UnavailableError as error:
            print(f"{line}: not to be had here: {error}")
        else:
            print(f"{line}: measured {seconds * 1e3:.2f} ms, {pace / 1e6:.0f} Mbit/s")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [address, size, "serve"]:
            _serve(address, int(size))
        case [address, size, "ask"]:
            _ask(address, int(size))
        case _:
            main()
