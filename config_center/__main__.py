"""The command `config-center`; `python -m config_center` is the same."""

from config_center.extras import start


def main() -> None:
    """Run the command line, if what it needs is installed."""
    start("config-center", "config_center.cli", "center")


if __name__ == "__main__":
    main()
