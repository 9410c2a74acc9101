"""`python -m maestro` and the installed scripts."""

from maestro.cli.main import main

if __name__ == "__main__":
    main()
