"""Words and arrays that the kernels' tests draw from."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[np.generic]

P = 2**64 - 2**32 + 1
EDGES = (0, 1, 2, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**48, 2**63 - 1, 2**63, P - 2, P - 1, P, P + 1, 2**64 - 1)


@pytest.fixture(scope="session")
def words() -> Callable[..., npt.NDArray[np.uint64]]:
    """A function (seed, shape, below=2^64) to random words, a third of them the extreme ones below the bound."""

    def draw(seed: int, shape: int | tuple[int, ...], below: int = 2**64) -> npt.NDArray[np.uint64]:
        rng = np.random.default_rng(seed)
        edges = np.array([edge for edge in EDGES if edge < below], dtype=np.uint64)
        plain = rng.integers(0, below - 1, shape, dtype=np.uint64, endpoint=True)
        return np.where(rng.random(shape) < 1 / 3, rng.choice(edges, shape), plain)

    return draw


@pytest.fixture(scope="session")
def disguises() -> Callable[[Array], Iterator[Array]]:
    """A function from an array to arrays of the same values that lie differently in memory."""

    def draw(array: Array) -> Iterator[Array]:
        yield np.ascontiguousarray(array)
        yield np.asfortranarray(array)
        locked = array.copy()
        locked.flags.writeable = False
        yield locked
        yield np.repeat(array, 2, axis=-1)[..., ::2]
        yield array[..., ::-1].copy()[..., ::-1]
        yield np.repeat(array, 3, axis=0)[::-3][::-1]
        room = bytearray(array.nbytes + 1)
        misaligned = np.ndarray(array.shape, dtype=array.dtype, buffer=room, offset=1)
        misaligned[...] = array
        yield misaligned

    return draw
