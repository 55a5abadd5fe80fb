"""Random generators derived from (seed, run, step, stream).

No generator is kept from one step to the next, so a run that is resumed at step 40 draws the same
numbers as one that was never stopped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Randomness:
    """The random streams of one run.

    Args:
        seed: the seed the user chose.
        run: the run's name among those of the same seed (target and repetition).
    """

    seed: int
    run: str

    def number(self, step: int, stream: str) -> int:
        """An integer below 2**31, as seed for something that is not numpy."""
        digest = hashlib.sha256(f"{self.seed}/{self.run}/{step}/{stream}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1

    def generator(self, step: int, stream: str) -> np.random.Generator:
        """A numpy generator of its own for this step and purpose."""
        digest = hashlib.sha256(f"{self.seed}/{self.run}/{step}/{stream}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest, "big"))
