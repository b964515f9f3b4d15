"""The service as pages for a person: where things stand, who is out of step, and what can be done about it."""
