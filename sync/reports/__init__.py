"""One plan, several forms: for a person, a pull request and a program."""
