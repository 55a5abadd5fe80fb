"""``python -m opro_cli`` is ``opro``."""

from opro_cli.cli import main

if __name__ == "__main__":
    main()
