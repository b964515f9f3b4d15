"""The standard streams as the caller left them -> streams that can be written to, whatever the text."""

import os
import sys
from io import TextIOWrapper


def prepare() -> None:
    """Opens those that the caller has closed, and lets no text break on the way out: a file or pipe is UTF-8 in any locale."""
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: else a database would be standard output
    sys.stdout, sys.stderr = sys.stdout or os.fdopen(1, "w", closefd=False), sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def give_up() -> None:
    """Nobody reads on, or the disk is full: what is left goes nowhere, also when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
