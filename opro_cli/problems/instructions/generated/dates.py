"""``dates``: any unambiguous way in which people write a date, to ISO 8601 (2021-03-25).

All-number dates such as 03/04/2021 are left out where day and month can be taken for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from opro_cli.problems.instructions.generated.base import Generator, pick, words

FIRST, LAST = date(1950, 1, 1), date(2049, 12, 31)

MONTHS = words(
    "January February March April May June July August September October November December"
)
DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
ROMAN = words("I II III IV V VI VII VIII IX X XI XII")
ORDINALS = words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first "
    "twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh "
    "twenty-eighth twenty-ninth thirtieth thirty-first"
)


def _suffixed(day: int) -> str:
    suffix = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"


def _month(d: date) -> str:
    return MONTHS[d.month - 1]


def _short(d: date) -> str:
    return _month(d)[:3]


def _weekday(d: date) -> str:
    return DAYS[d.weekday()]


FORMS: tuple[Callable[[date], str], ...] = (
    lambda d: f"{d.day} {_month(d)} {d.year}",
    lambda d: f"{_month(d)} {d.day}, {d.year}",
    lambda d: f"{_month(d)} {_suffixed(d.day)}, {d.year}",
    lambda d: f"{_suffixed(d.day)} {_month(d)} {d.year}",
    lambda d: f"the {_suffixed(d.day)} of {_month(d)} {d.year}",
    lambda d: f"{_weekday(d)}, {d.day} {_month(d)} {d.year}",
    lambda d: f"{_weekday(d)}, {_month(d)} {_suffixed(d.day)}, {d.year}",
    lambda d: f"{_weekday(d)[:3]} {d.day} {_short(d)} {d.year}",
    lambda d: f"{_short(d)} {d.day}, {d.year}",
    lambda d: (
        f"{_short(d)}. {d.day:02d}, {d.year}" if d.month != 5 else f"May {d.day:02d}, {d.year}"
    ),
    lambda d: f"{d.day:02d}-{_short(d)}-{d.year}",
    lambda d: f"{d.day:02d} {_short(d).upper()} {d.year}",
    lambda d: f"{d.day}. {_month(d)} {d.year}",
    lambda d: f"{d.year} {_month(d)} {d.day}",
    lambda d: f"{d.year}, {_suffixed(d.day)} {_month(d)}",
    lambda d: f"{d.year}/{d.month:02d}/{d.day:02d}",
    lambda d: f"{d.year}.{d.month:02d}.{d.day:02d}",
    lambda d: f"{d.day}.{ROMAN[d.month - 1]}.{d.year}",
    lambda d: f"the {ORDINALS[d.day - 1]} of {_month(d)} {d.year}",
    lambda d: f"{_month(d)} the {ORDINALS[d.day - 1]}, {d.year}",
    lambda d: f"{_short(d)} {_suffixed(d.day)} {d.year}",
)
"""For every day."""

LATE_FORMS: tuple[Callable[[date], str], ...] = (
    lambda d: f"{d.month}/{d.day}/{d.year}",
    lambda d: f"{d.month:02d}/{d.day:02d}/{d.year}",
    lambda d: f"{d.day}/{d.month}/{d.year}",
    lambda d: f"{d.day:02d}.{d.month:02d}.{d.year}",
    lambda d: f"{d.day:02d}-{d.month:02d}-{d.year}",
)
"""For days after the 12th, which cannot be months."""

SENTENCES = (
    "{}",
    "{}",
    "Date of birth: {}",
    "The meeting is on {}.",
    "Signed in Lisbon, {}",
    "Your parcel was sent on {}.",
    "Posted {} by the editor",
    "Valid until {}",
    "The bridge was opened on {}.",
    "Invoice no. 7, {}",
)


def draw(rng: np.random.Generator) -> tuple[str, str]:
    """A date in a form and a sentence, and its ISO form."""
    day = FIRST + timedelta(days=int(rng.integers((LAST - FIRST).days + 1)))
    forms = FORMS + LATE_FORMS if day.day > 12 else FORMS
    text = pick(rng, SENTENCES).format(pick(rng, forms)(day))
    return text[0].upper() + text[1:], day.isoformat()


GENERATOR = Generator(
    draw,
    metric="exact",
    max_output_tokens=12,
    description="Each question has one date. Each answer has the date in one fixed form.",
    models="A task of format, for models from about 0.5 billion parameters.",
)
