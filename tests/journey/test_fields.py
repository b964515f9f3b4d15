"""What the map says of nulls, of whom it takes and how many at once, in each vendor's own way."""

import json

from tests.accounts import VENDORS
from tests.journey.conftest import Place


def test_each_vendor_is_told_to_empty_a_field_in_its_own_way(shop: Place) -> None:
    shop.config(*VENDORS)
    shop.target("sellercloud", """Name = "Name"
        Email = { from = "Email", when_null = "clear" }
        BusinessAliases = { from = "Phone", via = ["split:;"], when_null = "clear" }
        AccountManager1Id = { from = "Rating", when_null = "clear" }
        Rating = { from = "Rating", when_null = "clear" }
        Comments = { from = "Note", when_null = "keep" }""")  # fmt: skip
    shop.target("rpm", """Website = { from = "Note", when_null = "clear" }
        [fields.Fields]
        Mail = { from = "Email", when_null = "clear" }
        Phone = "Phone" """)  # fmt: skip
    shop.target(
        "webcommander", '[fields.customer]\nfirst_name = "Name"\nphone = { from = "Phone", when_null = "clear" }\ncity = "Note"'
    )
    shop.target("sparklayer", """first_name = "Name"
        company_name = { from = "Note", when_null = "clear" }
        price_lists = { from = "Phone", via = ["split:;"], when_null = "clear" }
        sales_agent_groups = { from = "Country", via = ["split:;"] }
        discount_percentage = { from = "Rating", when_null = "clear" }
        [fields.metadata]
        mail = "Email" """)  # fmt: skip
    assert shop.cli("run").code == 0
    start = len(shop.sandbox.updates())
    shop.sql("UPDATE customers SET Email = NULL, Phone = NULL, Note = NULL, Country = NULL, Rating = NULL WHERE Id = 1")
    plan = shop.cli("plan", "--format", "json").tree["targets"]
    assert shop.cli("run").code == 0
    bodies = {entry["vendor"]: json.loads(entry["body"]) for entry in shop.sandbox.updates()[start:]}
    assert bodies == {
        "sellercloud": {"AccountManager1Id": 0, "BusinessAliases": [], "Email": "", "Rating": 0},
        "rpm": {"Customer": {"CustomerID": 1, "Website": "", "Fields": [{"Field": "Mail", "Value": ""}]}},
        "webcommander": {"customer": {"phone": ""}},
        "sparklayer": {"company_name": None, "discount_percentage": None, "price_lists": []},
    }
    assert {change["field"]: change["after"] for change in plan["sellercloud"]["updates"][0]["changes"]} == bodies["sellercloud"]
    assert [entry for entry in shop.sandbox.updates("sellercloud") if None in json.loads(entry["body"]).values()] == []
    assert shop.cli("run", "--json").tree["targets"] == {vendor: {} for vendor in VENDORS}


def test_a_target_takes_whom_it_says_and_tells_of_whom_it_cannot_take(shop: Place) -> None:
    shop.sql(
        "ALTER TABLE customers ADD COLUMN Ref TEXT",
        "UPDATE customers SET Ref = Id",
        "UPDATE customers SET Ref = NULL WHERE Id = 2",
        "UPDATE customers SET Ref = '' WHERE Id = 3",
        "UPDATE customers SET Ref = 'seven' WHERE Id = 5",
    )
    shop.config("rpm", "sellercloud", "sparklayer")
    shop.target("rpm", 'Name = "Name"', head='id = "Ref"')
    shop.target("sellercloud", 'Name = "Name"', head='id = "Ref"\nwithout_id = "skip"')
    shop.target("sparklayer", 'first_name = "Name"', head='id = "Ref"\nwhere = { Country = ["Norway", "Brazil"], Rating = 0 }')
    plan, run = shop.cli("plan", "--format", "json", "--detailed-exitcode"), shop.cli("run")
    targets = plan.tree["targets"]
    assert (plan.code, run.code) == (2, 3)
    assert {name: [update["id"] for update in target["updates"]] for name, target in targets.items()} == {
        "rpm": ["1", "4", "6"], "sellercloud": ["1", "4", "6"], "sparklayer": ["4"],
    }  # fmt: skip
    assert {name: [rejected["customer"] for rejected in target["rejected"]] for name, target in targets.items()} == {
        "rpm": ["2", "3", "5"], "sellercloud": ["5"], "sparklayer": [],
    }  # fmt: skip
    assert {error["field"] for rejected in targets["rpm"]["rejected"] for error in rejected["errors"]} == {"Ref"}
    assert "seven" not in plan.out
    assert sorted(shop.failures()) == [("rpm", "2"), ("rpm", "3"), ("rpm", "5"), ("sellercloud", "5")]
    assert [entry["customer"] for entry in shop.sandbox.updates("sparklayer")] == ["4"]


def test_templates_take_a_null_as_empty_text_and_nothing_but_nulls_as_null(shop: Place) -> None:
    shop.config("sellercloud")
    shop.target("sellercloud", 'Name = "{Name} ({Country})"\nComments = "{Phone} {Note}"')
    shop.cli("run")
    bodies = shop.sandbox.bodies("sellercloud")
    assert bodies["6"] == {"Name": "Cid ()", "Comments": "02 5550 0106 y"}
    assert bodies["2"] == {"Name": "Jack O'Brien (Ireland)"}
    assert bodies["3"] == {"Name": "李小龍 (China)", "Comments": '02 5550 0103 "quoted"'}
    assert bodies["4"] == {"Name": "Ana (Brazil)", "Comments": "02 5550 0104"}


def test_a_gate_holds_what_it_names_and_the_rest_goes(shop: Place) -> None:
    shop.config("sellercloud", "rpm")
    shop.sql(*(f"INSERT INTO customers VALUES ({key}, 'N{key}', 'e', 'p', 'n', 'x', 1)" for key in range(7, 41)))
    shop.target(
        "sellercloud", 'Name = "Name"\nPhone1 = { from = "Phone", when_null = "clear" }', tail='[gates]\nmax_cleared = "5%"'
    )
    shop.target("rpm", 'Name = "{Name} {Id}"', tail="[gates]\nmax_updates = 40")
    assert shop.cli("run").code == 0
    shop.edit("config/targets/rpm.toml", "max_updates = 40", 'max_updates = "7%"')
    shop.sql(
        "UPDATE customers SET Phone = NULL, Name = 'cleared' WHERE Id IN (3, 4, 5)",
        "UPDATE customers SET Phone = '1' WHERE Id = 1",
    )
    start = len(shop.sandbox.updates())
    plan = shop.cli("plan", "--format", "json", "--detailed-exitcode")
    run = shop.cli("run")
    targets = plan.tree["targets"]
    assert (plan.code, run.code) == (2, 3)
    assert [(update["customer"], update["requests"][0]["body"]) for update in targets["sellercloud"]["updates"]] == [
        ("1", {"Phone1": "1"}), ("3", {"Name": "cleared"}), ("4", {"Name": "cleared"}), ("5", {"Name": "cleared"}),
    ]  # fmt: skip
    assert {held["requests"][0]["body"]["Phone1"] for held in targets["sellercloud"]["held"]} == {""}
    assert [(held["customer"], held["gate"]) for held in targets["sellercloud"]["held"]] == [
        ("3", "max_cleared"), ("4", "max_cleared"), ("5", "max_cleared"),
    ]  # fmt: skip
    assert {held["gate"] for held in targets["rpm"]["held"]} == {"max_updates"}
    sent = shop.sandbox.updates()[start:]
    assert sorted((entry["vendor"], entry["customer"]) for entry in sent) == [
        ("sellercloud", key) for key in ("1", "3", "4", "5")
    ]
    found = shop.failures()
    assert {key: failure["outcome"] for key, failure in found.items()} == {
        (target, key): "held" for target in ("rpm", "sellercloud") for key in ("3", "4", "5")
    }
    assert "3 of 40" in found["sellercloud", "3"]["reason"]
    assert "5%" in found["sellercloud", "3"]["reason"]

    shop.edit("config/targets/sellercloud.toml", '"5%"', '"10%"')
    shop.edit("config/targets/rpm.toml", '"7%"', "3")
    assert shop.cli("run").code == 0
    released = shop.sandbox.updates()[start + len(sent) :]
    assert {entry["body"] for entry in released if entry["vendor"] == "sellercloud"} == {'{"Phone1":""}'}
    assert sorted((entry["vendor"], entry["customer"]) for entry in released) == [
        (target, key) for target in ("rpm", "sellercloud") for key in ("3", "4", "5")
    ]
