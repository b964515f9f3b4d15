"""The stations, in the order in which a customer passes them; no station knows another, `run` calls them all."""
