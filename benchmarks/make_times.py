"""Writes benchmarks/times.csv: times of day in several forms, and the same as HH:MM of 24 hours.

python benchmarks/make_times.py
"""

import csv
import sys

import numpy as np

ROWS = 80


def draw(rng: np.random.Generator) -> tuple[str, str]:
    """A time of day from 1 am to 11 pm, in one of six forms, and as HH:MM."""
    hour, minute = int(rng.choice([*range(1, 12), *range(13, 24)])), int(rng.integers(60))
    half, short = ("AM", hour) if hour < 12 else ("PM", hour - 12)
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    form = rng.integers(6)
    text = (
        f"{short}:{minute:02} {half}",
        f"{short}.{minute:02} {half.lower()}",
        f"{hour}h{minute:02}",
        f"{hour:02}{minute:02} hours",
        f"{short}:{minute:02} in the {part}",
        f"{short} {half.lower()}",
    )[form]
    return text, f"{hour:02}:{0 if form == 5 else minute:02}"


rng = np.random.default_rng(0)
rows: dict[str, str] = {}
while len(rows) < ROWS:
    rows.update([draw(rng)])
writer = csv.writer(sys.stdout, lineterminator="\n")
writer.writerow(["question", "answer"])
writer.writerows(rows.items())
