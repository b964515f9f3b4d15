"""Where customers come from: one file, one kind of source."""
