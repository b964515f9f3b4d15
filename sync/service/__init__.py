"""Background syncing: schedules, the work that they set off, and its health."""
