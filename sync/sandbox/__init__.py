"""The four vendors simulated on one local port: for trying, for the demo, for tests. It writes to nobody.

It is an own reading of the vendors' pages and knows nothing of the client beside it, so that it catches the client's mistakes.

Read it in the order of a request: `server` (the port), `front` (one request: the limit kept, faults played, all of it noted),
the vendor (`sellercloud`, `rpm`, `webcommander`, `sparklayer`; each with its `doors/`, how it lets somebody in, and its
`schemas/`, what it takes and shows), `shelf` (what it holds). Beside the way: `assumed` (a switch for every behaviour that is
not documented), `faults` and `nonsense`, `limits`, `history`; `control` (all that over HTTP) and `page` (for a person).
"""
