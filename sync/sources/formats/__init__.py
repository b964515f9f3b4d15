"""How rows stand in a file: one file, one format."""
