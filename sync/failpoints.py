"""Places where the process can be made to die, for the tests that prove that nothing is lost.

Off, unless CUSTOMER_SYNC_FAILPOINT names one: `after_reply:3` dies when it is reached for the third time, `*:17` at the
seventeenth place of any name.
"""

import os

VARIABLE = "CUSTOMER_SYNC_FAILPOINT"
EXIT_CODE = 86
_name, _, _count = os.environ.get(VARIABLE, "").partition(":")
_left = [int(_count or 1)]


def reach(name: str) -> None:
    """Dies here and now, without any cleaning up, if that is what was asked for."""
    if _name and _name in ("*", name):
        _left[0] -= 1
        if _left[0] == 0:
            os._exit(EXIT_CODE)


def arm(setting: str) -> None:
    """As the variable does, for a process that has been forked."""
    global _name
    _name, _, count = setting.partition(":")
    _left[0] = int(count or 1)
