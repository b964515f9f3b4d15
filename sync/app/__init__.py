"""Settings -> live parts, and what can be done with them. The only package that knows everything."""

from sync.app.checks import Checked, Failed, check_files, check_online, try_maps
from sync.app.parts import (
    Base,
    Caller,
    Unwatched,
    check_fields,
    find_mistakes,
    make_feeds,
    open_board,
    open_ways,
    recover,
    state_path,
    triggers,
)
from sync.app.plans import Proposal, propose, propose_of, propose_undo, save_plan
from sync.app.runs import Write, apply_saved, run_once
from sync.app.standing import State, explain, failures, release, retry, standing

__all__ = [
    "Base",
    "Caller",
    "Checked",
    "Failed",
    "Proposal",
    "State",
    "Unwatched",
    "Write",
    "apply_saved",
    "check_fields",
    "check_files",
    "check_online",
    "explain",
    "failures",
    "find_mistakes",
    "make_feeds",
    "open_board",
    "open_ways",
    "propose",
    "propose_of",
    "propose_undo",
    "recover",
    "release",
    "retry",
    "run_once",
    "save_plan",
    "standing",
    "state_path",
    "triggers",
    "try_maps",
]
