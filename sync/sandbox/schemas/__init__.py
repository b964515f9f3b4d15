"""What each vendor's update page lists, and how a customer reads there: tables and shapes, from the pages alone. Pure."""
