"""`python -m config_center` is `config-center`."""

from config_center.cli import main

if __name__ == "__main__":
    main()
