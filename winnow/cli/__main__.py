"""`python -m winnow.cli` is the `winnow` command."""

from winnow.cli.main import main

main()
