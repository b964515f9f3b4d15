"""The databases that sources are read from."""

from tests.databases import mysql, postgres, postgres_server

__all__ = ["mysql", "postgres", "postgres_server"]
