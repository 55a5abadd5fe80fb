"""``extraction``: from a sentence with an order to JSON with fixed keys."""

from __future__ import annotations

import json

import numpy as np

from opro_cli.problems.instructions.generated.base import Generator, pick, words

NAMES = words(
    "Anna Bruno Chloe Dmitri Elena Farid Grace Hiro Ines Jakob Kavya Liam Maya Nuno Olga Pablo "
    "Quinn Rosa Samir Tove Uma Victor Wanda Yusuf Zoe"
)
ITEMS = words(
    "chair lamp desk kettle notebook pillow rug shelf teapot towel umbrella vase blanket candle "
    "clock mirror plate basket curtain stool"
)
COLOURS = words("red blue green white black yellow brown grey orange purple")
CITIES = words(
    "Lisbon Oslo Nairobi Lima Kyoto Quebec Hanoi Dublin Porto Tunis Accra Denver Leeds Turin Bergen"
)
NUMBERS = words("two three four five six seven eight nine ten eleven twelve")

FORMS = (
    "{name} from {city} ordered {count} {colour} {items}.",
    "Please send {count} {colour} {items} to {name} in {city}.",
    "{count} {items}, {colour}, for {name} ({city})",
    "To {city}: {name} would like {count} {items} in {colour}.",
    "Hello, this is {name}. I need {count} {colour} {items} delivered to {city}.",
    "{name} wants {colour} {items}, {count} of them, shipped to {city}.",
    "Order for {city}. Customer: {name}. {count} {items}. The colour should be {colour}.",
    "{name} has moved to {city} and is buying {count} {colour} {items}.",
    "We have {name} on the line, calling from {city}, for {count} {items}; {colour}, please.",
    "The {count} {colour} {items} that {name} paid for go to {city}.",
)


def draw(rng: np.random.Generator) -> tuple[str, str]:
    """A sentence, and JSON with customer, item, colour, quantity (a number) and city."""
    quantity = int(rng.integers(2, 13))
    item = pick(rng, ITEMS)
    values = {
        "customer": pick(rng, NAMES),
        "item": item,
        "colour": pick(rng, COLOURS),
        "quantity": quantity,
        "city": pick(rng, CITIES),
    }
    text = pick(rng, FORMS).format(
        name=values["customer"],
        city=values["city"],
        colour=values["colour"],
        count=NUMBERS[quantity - 2] if rng.random() < 0.5 else quantity,
        items={"shelf": "shelves"}.get(item, item + "s"),
    )
    return text[0].upper() + text[1:], json.dumps(values)


GENERATOR = Generator(
    draw,
    metric="json",
    max_output_tokens=64,
    description="Each question is a sentence with an order. Each answer is a record of that order.",
    models="A task of format, for models from about 1 billion parameters.",
)
