"""The command `inspector-lab`; `python -m inspector_lab` is the same."""

from config_center.extras import start


def main() -> None:
    """Run the command line, if what it needs is installed."""
    start("inspector-lab", "inspector_lab.cli", "lab")


if __name__ == "__main__":
    main()
