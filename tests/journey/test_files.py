"""A nightly export is replaced, cut short and mended: only who changed is sent, and nothing of half a file."""

import os
import time
from collections.abc import Mapping

import pytest

from tests.journey.conftest import Place

SOURCE = 'kind = "file"\npath = "export/customers.csv"\nkey = "Id"\nsettle = "200ms"\n'
NIGHT = {"1": "Ann,+61 2 5550 0101", "2": "Bea,", "3": "Cem,+61 2 5550 0103"}


def export(place: Place, rows: Mapping[str, str], *, cut: int = 0) -> None:
    """As an exporter writes it, `cut` bytes short."""
    text = "Id,Name,Phone\r\n" + "".join(f"{key},{row}\r\n" for key, row in rows.items())
    place.write("export/customers.csv", text[: len(text) - cut])
    file = place.folder / "export/customers.csv"
    os.utime(file, (time.time(), time.time() - 60))


@pytest.fixture
def nightly(place: Place) -> Place:
    """Three customers in a file, for one vendor."""
    place.config("sellercloud", source=SOURCE)
    place.target("sellercloud", 'Name = "Name"\nPhone1 = "Phone"')
    export(place, NIGHT)
    return place


def test_a_nightly_file_that_is_replaced_sends_who_changed_and_one_that_is_cut_short_sends_nobody(nightly: Place) -> None:
    assert nightly.cli("check").code == 0
    assert nightly.cli("run").code == 0
    assert nightly.sandbox.bodies("sellercloud") == {
        "1": {"Name": "Ann", "Phone1": "+61 2 5550 0101"},
        "2": {"Name": "Bea"},
        "3": {"Name": "Cem", "Phone1": "+61 2 5550 0103"},
    }

    export(nightly, NIGHT | {"2": "Beatrix,", "3": "Cem,+61 2 5550 9999"}, cut=20)
    done = nightly.cli("run")
    assert (done.code, len(nightly.sandbox.updates())) == (1, 3)
    assert done.err.count("sources.crm: customers.csv: its last line has no end: it was cut short; nothing of it is taken") == 1
    assert "Traceback" not in done.err
    assert nightly.cli("plan").code == 1

    export(nightly, NIGHT | {"2": "Beatrix,", "3": "Cem,+61 2 5550 9999"})
    assert nightly.cli("run").code == 0
    assert [(update["customer"], update["body"]) for update in nightly.sandbox.updates()[3:]] == [
        ("2", '{"Name":"Beatrix"}'),
        ("3", '{"Phone1":"+61 2 5550 9999"}'),
    ]
    assert nightly.cli("run").code == 0
    assert len(nightly.sandbox.updates()) == 5


def test_a_file_that_lost_its_header_stops_its_targets_and_shows_nobody(nightly: Place) -> None:
    nightly.write("export/customers.csv", "1,Ann Secret,+61 2 5550 0101\n")
    done = nightly.cli("run")
    assert (done.code, nightly.sandbox.updates()) == (1, [])
    assert "sources.crm: customers.csv: its header has no column Id: is the header missing, or is it another file?" in done.err
    assert "Secret" not in done.out + done.err


def test_a_column_with_a_typo_is_told_with_the_nearest_one(nightly: Place) -> None:
    nightly.edit("config/targets/sellercloud.toml", '"Phone"', '"Phon"')
    done = nightly.cli("check")
    assert done.code == 1
    assert "fields.Phone1: source crm has no field Phon; did you mean Phone?" in done.err


def test_who_has_two_rows_is_rejected_and_the_others_are_sent(nightly: Place) -> None:
    export(nightly, NIGHT | {"4": "Dov,\r\n1,Another Ann,"})
    assert nightly.cli("run").code == 3
    assert sorted(nightly.sandbox.bodies("sellercloud")) == ["2", "3", "4"]
    assert nightly.failures()["sellercloud", "1"]["errors"][0]["message"].startswith("two rows of the source have this key")
