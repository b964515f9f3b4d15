"""customer-sync keeps the customers of a company's vendors equal to the customers of its own system of record.

Read it in the order in which one customer travels: `model` (the nouns) and `ports` (what can be plugged in), then
`pipeline/`: `detect` -> `project` -> `diff` -> `plan` -> `gates` -> `deliver` (with `lane`, `pace`, `retry`), and `run`,
which calls them; one plug of each kind (`sources/sql`, `vendors/sellercloud`, `stores/sqlite`, `reports/text`); last
`settings`, `app` and `cli`, which turn a folder of TOML into live parts.
"""
