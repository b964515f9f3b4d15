"""Who may use the service over HTTP."""
