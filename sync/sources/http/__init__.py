"""Customers behind an API: how a list is asked for page by page, and read so that nobody slips through."""
