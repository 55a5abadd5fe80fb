"""``sorting``: words in alphabetical order.

After the task word_sorting of BIG-bench (https://github.com/google/BIG-bench), with new words.
"""

from __future__ import annotations

import numpy as np

from opro_cli.problems.instructions.generated.base import Generator, sample, words

WORDS = words(
    "anchor apron arrow autumn bakery balcony barrel basket beacon blanket bottle branch bridge "
    "bucket butter button cabin candle canvas carpet castle cellar chapel cherry circle clover "
    "coffee copper cotton cradle curtain daisy desert dinner dragon driver eagle engine evening "
    "fabric falcon feather fiddle forest fountain garden garlic glacier glove granite hammer "
    "harbour harvest helmet hunter island ivory jacket jungle kettle kitchen ladder lantern lemon "
    "letter lizard magnet marble market meadow mirror monkey mountain needle novel ocean olive "
    "orchard oven paddle palace parrot pebble pepper pigeon pillow planet pocket quarry rabbit "
    "ribbon river rocket saddle sailor salmon shadow shelter signal silver spider sponge station "
    "summer tailor temple thunder ticket timber tunnel turtle valley velvet violin wagon walnut "
    "whistle willow window winter wizard yellow zebra"
)


def draw(rng: np.random.Generator) -> tuple[str, str]:
    """Four to ten words, and the same words sorted, with single spaces."""
    words = sample(rng, WORDS, int(rng.integers(4, 11)))
    return f"Sort these words alphabetically: {' '.join(words)}", " ".join(sorted(words))


GENERATOR = Generator(
    draw,
    metric="exact",
    max_output_tokens=64,
    description="Each question has words. Each answer has the same words in alphabetical order.",
    models="A task of ability, for hosted models; models below 3 billion parameters hardly gain.",
)
