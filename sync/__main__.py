"""`python -m sync` is `customer-sync`."""

from sync.cli import main

main()
