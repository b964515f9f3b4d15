"""What has to survive: one file, one place where it is kept."""
