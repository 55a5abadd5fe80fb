"""``counting``: how many things of a kind are in a list.

After the task object_counting of BIG-bench (https://github.com/google/BIG-bench), with new words.
"""

from __future__ import annotations

import numpy as np

from opro_cli.problems.instructions.generated.base import Generator, pick, sample, words

KINDS = {
    "fruits": words("apple banana orange plum pear peach lemon mango grape"),
    "vegetables": words("carrot onion cabbage pepper cucumber leek turnip radish"),
    "animals": words("dog cat goat horse duck rabbit cow donkey frog"),
    "tools": words("hammer saw drill spanner chisel axe rake spade"),
    "pieces of furniture": words("chair table bed stool desk sofa wardrobe"),
    "musical instruments": words("violin drum flute trumpet piano guitar harp"),
}
NUMBERS = words("a two three four five")


def draw(rng: np.random.Generator) -> tuple[str, str]:
    """A list of four to eight things of two kinds, and how many there are of one kind."""
    asked, other = sample(rng, [*KINDS], 2)
    total = 0
    parts: list[str] = []
    things = [(asked, word) for word in sample(rng, KINDS[asked], int(rng.integers(2, 6)))]
    things += [(other, word) for word in sample(rng, KINDS[other], int(rng.integers(2, 4)))]
    for kind, word in sample(rng, things, len(things)):
        many = int(rng.integers(1, 6)) if rng.random() < 0.5 else 1
        parts.append(_counted(many, word))
        total += many * (kind == asked)
    opening = pick(rng, ("I have", "There are", "In the picture I can see", "She brought"))
    listed = ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"{opening} {listed}. How many {asked} are there in all?", str(total)


def _counted(many: int, word: str) -> str:
    if many == 1:
        return ("an " if word[0] in "aeiou" else "a ") + word
    several = {"radish": "radishes", "peach": "peaches", "mango": "mangoes"}.get(word, word + "s")
    return f"{NUMBERS[many - 1]} {several}"


GENERATOR = Generator(
    draw,
    metric="number",
    max_output_tokens=200,
    description="Each question lists things and asks for a count. Each answer is a whole number.",
    models="A task of ability, for hosted models; models below 3 billion parameters hardly gain.",
)
