"""The accounts that the sandbox knows, as a config names them: by vendor, where it answers and how one signs in."""

VENDORS = ("rpm", "sellercloud", "sparklayer", "webcommander")
PATHS = {
    "rpm": "/rpm/api2.svc",
    "sellercloud": "/sellercloud/rest/api",
    "sparklayer": "/sparklayer",
    "webcommander": "/webcommander/api/v4",
}
LOGINS = {
    "rpm": 'key = "sandbox-key"',
    "sellercloud": 'username = "sandbox"\npassword = "sandbox-password"',
    "sparklayer": 'site_id = "sandbox"\nclient_id = "sandbox"\nclient_secret = "sandbox-secret"',
    "webcommander": 'username = "sandbox"\npassword = "sandbox-password"\nclient_id = "sandbox"\n'
    'client_secret = "sandbox-secret"\nredirect_uri = "http://localhost/"',
}


def account(vendor: str, base: str, login: str = "") -> str:
    """The table of an account that bears the vendor's name; what is added to the text goes on with it."""
    return f'[accounts.{vendor}]\nvendor = "{vendor}"\nbase_url = "{base}"\n{login or LOGINS[vendor]}\n'
