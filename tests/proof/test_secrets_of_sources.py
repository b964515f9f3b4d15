"""No credential of a source is seen in any byte that leaves or stays, whatever is wrong with it, whatever it says back."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.accounts import PATHS, account
from tests.proof.sandboxes import Sandbox
from tests.proof.test_secrets import QUICK, SECRET_LOGINS, Seen

PASSWORD = "zQ-p@ss/wörd#1"
"""`zQ` stands in every secret of these tests."""
WRITTEN = quote(PASSWORD, safe="")
NOBODY = "127.0.0.1:9"


class Careless(BaseHTTPRequestHandler):
    """Says back whatever it was sent: 401, at first, or what `status` in the address asks for."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        said = f"{self.path} {self.headers} {self.rfile.read(length).decode()}"
        body = json.dumps({"message": said, "error": said}).encode()
        self.send_response(503 if "status=503" in self.path else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_HEAD = do_GET  # noqa: N815 - as the library calls them

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def careless() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


SQL = 'kind = "sql"\ntable = "customers"\nkey = "Id"\nurl = '
FILE = 'kind = "file"\nkey = "Id"\nsettle = "0s"\n'
HTTP = 'kind = "http"\nkey = "Id"\nretry = { attempts = 2, backoff = "1ms" }\nurl = '
SOURCES = {
    "postgresql, unreachable": f'{SQL}"postgresql://u:{WRITTEN}@{NOBODY}/crm"',
    "postgresql, a password that is not encoded": f'{SQL}"postgresql://u:12/zQ34@{NOBODY}/crm"',
    "postgresql, in the query": f'{SQL}"postgresql://{NOBODY}/crm?user=u&password={WRITTEN}"',
    "postgresql, an unknown option": f'{SQL}"postgresql://u:{WRITTEN}@{NOBODY}/crm?sslmode={WRITTEN}"',
    "mysql, unreachable": f'{SQL}"mysql://u:{WRITTEN}@{NOBODY}/crm"',
    "sqlalchemy, without its driver": f'{SQL}"oracle://u:{WRITTEN}@{NOBODY}/crm"',
    "sqlalchemy, an odd address": f'{SQL}"sqlite+pysqlite://u:{WRITTEN}@{NOBODY}/crm"',
    "a file of a store, unreachable": f'{FILE}path = "ftp://u:{WRITTEN}@{NOBODY}/customers.csv"',
    "a file of a store, refused": f'{FILE}path = "http://CARELESS/customers.csv?token={WRITTEN}"',
    "a file, by its options": f'{FILE}path = "http://CARELESS/a.csv"\noptions = {{ headers = {{ X-Key = "{PASSWORD}" }} }}',
    "an API, unreachable": f'{HTTP}"http://{NOBODY}/customers?api_key={WRITTEN}"',
    "an API, by its address": f'{HTTP}"http://CARELESS/customers?api_key={WRITTEN}"',
    "an API, by its parameters": f'{HTTP}"http://CARELESS/customers"\nparams = {{ anything = "{PASSWORD}" }}',
    "an API, by a header": f'{HTTP}"http://CARELESS/x"\nauth = {{ kind = "header", name = "X-Key", value = "zQ-header" }}',
    "an API, basic": f'{HTTP}"http://CARELESS/x"\nauth = {{ kind = "basic", username = "u", password = "{PASSWORD}" }}',
    "an API, bearer": f'{HTTP}"http://CARELESS/x?status=503"\nauth = {{ kind = "bearer", token = "zQ-bearer" }}',
    "an API, client credentials": f'{HTTP}"http://CARELESS/x"\nauth = {{ kind = "oauth", token_url = "http://CARELESS/token", '
    f'client_id = "c", client_secret = "{PASSWORD}" }}',
    "an API, client credentials in the form": f'{HTTP}"http://CARELESS/x"\nauth = {{ kind = "oauth", '
    f'token_url = "http://CARELESS/token", client_id = "c", client_secret = "{PASSWORD}", credentials_in = "form" }}',
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_that_cannot_be_read_reveals_nothing(tmp_path: Path, sandbox: Sandbox, careless: str, kind: str) -> None:
    config = tmp_path / "config"
    (config / "targets").mkdir(parents=True)
    source = SOURCES[kind].replace("CARELESS", careless)
    login = account("rpm", sandbox.url + PATHS["rpm"], SECRET_LOGINS["rpm"]) + QUICK.replace("{}", "rpm")
    state = f'[state]\nurl = "sqlite:///{tmp_path}/var/state.db"'
    (config / "sync.toml").write_text(f"{state}\n[sources.crm]\n{source}\n{login}", encoding="utf-8")
    (config / "targets" / "rpm.toml").write_text('source = "crm"\naccount = "rpm"\nid = "Id"\n[fields]\nName = "Name"\n')
    seen = Seen(config)
    assert seen.run("check", "--online") == 1
    assert seen.run("run", "--log-level", "debug") == 1
    seen.run("plan", "--format", "text,json,markdown,html,csv", "--out", str(tmp_path / "var" / "plan"))
    seen.run("status", "--json")
    assert any(b"sources.crm" in text for name, text in seen.said.items() if name.endswith("stderr"))
    assert not [name for name, text in seen.said.items() if b"Traceback" in text]
    assert seen.leaks(sandbox) == []
