"""How each vendor lets somebody in: credentials -> a token, a token -> yes or no."""
