"""The ``opro`` command, and ``python -m opro_cli``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still loading shows no traceback."""
    try:
        from opro_cli.cli.app import app
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        app(prog_name="opro")
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:  # help and version are printed by typer
        sys.stderr.write(f"error: The output cannot be written: {error.strerror}.\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
