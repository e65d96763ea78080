"""The command `inspector`; `python -m inspector_coord` is the same."""

from config_center.extras import start


def main() -> None:
    """Run the command line, if what it needs is installed."""
    start("inspector", "inspector_coord.cli", "coordinator")


if __name__ == "__main__":
    main()
