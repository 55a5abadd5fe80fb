"""The lengths of shortest tours, in the form of a preset's ``optima``.

``python benchmarks/optima.py 10 1 5`` prints them for 10 cities and seeds 1 to 5.
"""

from __future__ import annotations

import sys

from opro_cli.problems.tsp.exact import shortest_length


def main() -> None:
    """One line an instance."""
    cities, first, last = (int(word) for word in sys.argv[1:])
    for seed in range(first, last + 1):
        length = shortest_length(cities, seed)
        print(f"- {{cities: {cities}, seed: {seed}, length: {length:.6f}}}", flush=True)


if __name__ == "__main__":
    main()
