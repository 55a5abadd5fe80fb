"""``labels``: short reviews of films and products, to positive or negative.

A review has a verdict that a reader cannot miss, and no single word gives it away: verdicts are in
many words, some are negated opposites, and some come after an expectation that was not met.
"""

from __future__ import annotations

import numpy as np

from opro_cli.problems.instructions.generated.base import Generator, pick

PLAIN = {
    "film": {
        "positive": (
            "I was moved from the first scene to the last",
            "the two leads are a joy to watch",
            "the story kept me on the edge of my seat",
            "I laughed until it hurt",
            "I would see it again tomorrow",
            "it deserves every prize it won",
            "the ending is perfect",
            "two hours passed like ten minutes",
            "the whole cinema stood up and clapped",
            "it is the best thing this director has made",
            "my children loved every minute",
            "the script is sharp and warm",
        ),
        "negative": (
            "I looked at my watch every five minutes",
            "the two leads have all the charm of a car park",
            "the story falls apart after the first half hour",
            "nobody in the room laughed",
            "I want those two hours of my life back",
            "it is an insult to the book",
            "the ending makes no sense at all",
            "I fell asleep before the second act",
            "half of the cinema walked out",
            "it is the worst thing this director has made",
            "my children asked to go home",
            "the script is dull and lazy",
        ),
    },
    "product": {
        "positive": (
            "it works better than the one that cost me twice as much",
            "I have already bought a second one for my sister",
            "it has run every day for three years without a fault",
            "it does exactly what it promises",
            "setting it up took two minutes",
            "I would buy it again without thinking",
            "the battery lasts for days",
            "it is worth every cent",
            "it feels solid and well made",
            "the whole family uses it and loves it",
            "their service answered at once and was a pleasure",
            "I wonder how I lived without it",
        ),
        "negative": (
            "it broke on the second day",
            "I have asked for my money back",
            "it makes a noise that drives the dog mad",
            "it does nothing of what it promises",
            "setting it up took a whole evening and three phone calls",
            "I would not give it to my worst enemy",
            "the battery is empty before lunch",
            "it is a waste of money",
            "it feels cheap and falls apart in your hands",
            "it is now at the back of a cupboard, where it will stay",
            "their service never answered a single letter",
            "I regret the day I ordered it",
        ),
    },
}

NEGATED = {
    "positive": (
        "it is never boring",
        "there is nothing that I would change",
        "I cannot find a single fault",
        "do not believe the bad reviews",
        "I have no complaints whatever",
    ),
    "negative": (
        "it is far from good",
        "I cannot find a single thing to praise",
        "do not believe the good reviews",
        "there is no reason to recommend it",
        "nobody should call this a success",
    ),
}

CONTRASTS = {
    "positive": (
        "I had expected to hate it, and I was wrong: {}",
        "A friend had called it terrible, but {}",
        "It looks awful in the advertisement, but in truth {}",
        "I began in a bad mood, yet {}",
        "The reviews had warned me; still, {}",
    ),
    "negative": (
        "I had expected to love it, and I was wrong: {}",
        "A friend had called it wonderful, but {}",
        "It looks great in the advertisement, but in truth {}",
        "I began in a good mood, yet {}",
        "The reviews had praised it; still, {}",
    ),
}

FACTS = {
    "film": (
        "We saw it on a Friday.",
        "It runs for about two hours.",
        "The film is set in a harbour town.",
        "It is in French, with subtitles.",
        "The cinema was half full.",
        "My neighbour had two tickets left.",
        "It is the second part of three.",
        "Most of it happens at night.",
    ),
    "product": (
        "I ordered the blue one in March.",
        "It came in a brown box.",
        "Mine is the larger model.",
        "It stands in the kitchen.",
        "I have had it for six weeks.",
        "It was a present for my father.",
        "There are two sizes.",
        "I use it twice a week.",
    ),
}


def draw(rng: np.random.Generator) -> tuple[str, str]:
    """A review of one to three sentences, and its label."""
    kind = pick(rng, ("film", "product"))
    label = pick(rng, ("positive", "negative"))
    verdicts = PLAIN[kind][label]
    parts: list[str] = []
    form = int(rng.integers(4))
    if form == 0:
        parts.append(pick(rng, CONTRASTS[label]).format(pick(rng, verdicts)) + ".")
    elif form == 1:
        parts.append(f"{pick(rng, NEGATED[label])}, and {pick(rng, verdicts)}.")
    elif form == 2:
        parts.append(pick(rng, verdicts) + ".")
    else:
        parts += [pick(rng, verdicts) + ".", pick(rng, NEGATED[label]) + "."]
    fact = pick(rng, FACTS[kind])
    parts.insert(0 if rng.random() < 0.5 else len(parts), fact)
    return " ".join(part[0].upper() + part[1:] for part in parts), label


GENERATOR = Generator(
    draw,
    metric="label",
    max_output_tokens=12,
    description="Each question is a short review. Each answer is one of two labels for it.",
    models="A task of labels, for models from about 0.5 billion parameters.",
    labels=("positive", "negative"),
)
