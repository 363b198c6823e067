"""The commitment of the one-time pads: one long row over the extension, and a random row beside it.

Its code is as in `commitment.parameters`, with a row of whatever length: there is one pad for each value sent, and
one more, which masks U and V (docs/protocols/proofs.md, the section on hidden messages).
"""

from __future__ import annotations

from tacit.proofs.commitment import parameters
from tacit.proofs.commitment.parameters import Code
from tacit.proofs.field import ONE, Element

ROWS = 2  # the coordinates of the pads; two rows of a mask follow

COORDINATES = [ONE, Element(0, 1)]  # what the rows of an extension row are multiplied by


def code(messages: int) -> Code:
    """The code for the pads of so many messages."""
    return parameters.single_row(messages + 1)


def weights(gamma: Element) -> list[Element]:
    """What pads and mask rows are combined by: gamma * (s0 + s1 X) + (m0 + m1 X)."""
    return [gamma * each for each in COORDINATES] + COORDINATES
