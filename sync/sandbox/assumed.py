"""What the vendors' pages leave open -> the table of switches, each with the behaviour that was assumed as its default."""

from typing import Final

from sync.sandbox.switches import Switch

REFUSE_UNKNOWN: Final = "a member that the update page does not name: refused, so that a misspelling is seen, or ignored"
LIMIT: Final = "an enforced limit such as 10800/h or 5/10s, null for none; past it the vendor's own answer is sent"
ADOPT: Final = "a customer never seen: exists as an empty one from the first touch, or is not found"
LIFETIME: Final = "seconds that a token is good for"

COMMON: Final = (
    Switch("credentials", "any", ("any", "sandbox"), "accept any credentials that are not empty, or the sandbox's own only"),
    Switch("latency", 0.0, "seconds", "seconds that every answer of a vendor takes; what is written is applied before"),
)

SELLERCLOUD: Final = (
    Switch("sellercloud.limit", None, "rate", LIMIT),
    Switch("sellercloud.token_lifetime", 3600.0, "seconds", LIFETIME),
    Switch("sellercloud.unknown_id", "adopt", ("adopt", "not_found", "400", "500"), ADOPT + " (404, or with another status)"),
    Switch("sellercloud.unknown_field", "refuse", ("refuse", "ignore"), REFUSE_UNKNOWN),
    Switch("sellercloud.rate_limit_status", 429, (429, 503, 200), "the status of the rate-limit answer"),
    Switch("sellercloud.bad_credentials_status", 400, (400, 401), "the status of a refused sign-in"),
    Switch("sellercloud.empty", "clear", ("clear", "ignore"), 'whether "", [] and an account manager 0 clear a field'),
    Switch("sellercloud.business_aliases", "replace", ("replace", "append"), "what a list of aliases does to the one held"),
    Switch("sellercloud.rating", "both", ("both", "name", "number"), "how a rating may be spelled"),
    Switch("sellercloud.update_body", "empty", ("empty", "customer"), "what a successful update answers"),
    Switch("sellercloud.wholesale_needs_business_name", False, "flag", "the setting 'Enable Required Fields for WholeSale'"),
    Switch("sellercloud.companies", None, "names", "the company ids that exist; null: any"),
    Switch("sellercloud.unique_email", False, "flag", "whether two customers may not share an e-mail address"),
    Switch("sellercloud.email_format", "any", ("any", "checked"), "whether an e-mail address has to look like one"),
    Switch("sellercloud.page_size_cap", 50, "count", "the largest page of a list"),
)

RPM: Final = (
    Switch("rpm.limit", None, "rate", LIMIT),
    Switch("rpm.unknown_id", "adopt", ("adopt", "not_found"), ADOPT),
    Switch("rpm.unknown_field", "refuse", ("refuse", "ignore"), REFUSE_UNKNOWN),
    Switch("rpm.error_shape", "object", ("object", "text"), "Error as an object with a Message, or as plain text (older)"),
    Switch("rpm.null", "ignore", ("ignore", "clear"), "what null does"),
    Switch("rpm.address", "ignore", ("ignore", "location"), "what Address does: nothing, or it sets the primary location's"),
    Switch("rpm.custom_fields", None, "names", "the custom fields that exist; null: any"),
    Switch("rpm.unknown_custom_field", "ignore", ("ignore", "refuse"), "what a custom field that does not exist does"),
    Switch("rpm.duplicate_field", "refuse", ("refuse", "last"), "a custom field named twice: an error, or the last one wins"),
    Switch("rpm.values", "as_sent", ("as_sent", "normalised"), "custom values are kept as text, or in RPM's own rendering"),
    Switch("rpm.name_match", "folded", ("folded", "exact"), "names are compared trimmed and without case, or exactly"),
    Switch("rpm.blank_name", "refuse", ("refuse", "ignore"), "what an empty Name beside an id does"),
    Switch("rpm.max_name", 255, "count", "the longest name"),
    Switch("rpm.ids", "number", ("number", "text"), "how a list writes CustomerID"),
    Switch("rpm.dates", "iso", ("iso", "us"), "Added and Modified as 2026-09-01 10:00:00 or as 9/1/2026"),
    Switch("rpm.get_status", 405, (405, 404), "the status of anything but POST"),
)

WEBCOMMANDER: Final = (
    Switch("webcommander.limit", None, "rate", LIMIT),
    Switch("webcommander.token_lifetime", 3600.0, "seconds", LIFETIME),
    Switch("webcommander.token_status", 201, (201, 200), "the status of a sign-in"),
    Switch("webcommander.refresh", "rotate", ("rotate", "keep"), "a refresh token is good once, or as long as one likes"),
    Switch("webcommander.header", "both", ("both", "bearer", "access_token"), "the header in which a token is accepted"),
    Switch("webcommander.unknown_id", "adopt", ("adopt", "not_found"), ADOPT),
    Switch("webcommander.unknown_field", "refuse", ("refuse", "ignore"), REFUSE_UNKNOWN),
    Switch("webcommander.inline_address", "apply", ("apply", "discard"), "whether an update's address sets the PRIMARY one"),
    Switch("webcommander.null", "ignore", ("ignore", "clear"), "what null does"),
    Switch("webcommander.empty", "clear", ("clear", "ignore"), 'what "" does'),
    Switch("webcommander.amounts", "number", ("number", "text"), "how an answer writes money"),
    Switch("webcommander.ids", "number", ("number", "text"), "how an answer writes ids"),
    Switch("webcommander.genders", "checked", ("checked", "any"), "male, female and other only, or any text"),
    Switch("webcommander.places", "any", ("any", "checked"), "country names, and states of a few countries, are checked"),
    Switch("webcommander.shipping_profiles", None, "names", "the shipping profiles that exist; null: any"),
    Switch("webcommander.pagination", "records", ("records", "total"), "how a list tells its length: as of old, or as of 2026"),
    Switch("webcommander.trash", "hidden", ("hidden", "listed"), "whether a list shows customers in the trash"),
    Switch("webcommander.abn", "any", ("any", "checked"), "whether an ABN needs 11 digits and its branch 3"),
)

SPARKLAYER: Final = (
    Switch("sparklayer.limit", None, "rate", LIMIT),
    Switch("sparklayer.token_lifetime", 3600.0, "seconds", LIFETIME),
    Switch("sparklayer.unknown_id", "adopt", ("adopt", "not_found"), ADOPT),
    Switch("sparklayer.unknown_field", "refuse", ("refuse", "ignore"), REFUSE_UNKNOWN),
    Switch("sparklayer.read_only", "ignore", ("ignore", "refuse"), "what id, created_at and updated_at do in an update"),
    Switch("sparklayer.null", "clear", ("clear", "ignore"), "what null does"),
    Switch("sparklayer.metadata", "replace", ("replace", "merge"), "what metadata does to the one held"),
    Switch("sparklayer.addresses", "replace", ("replace", "merge"), "what addresses do to the ones held"),
    Switch("sparklayer.unknown_address", "adopt", ("adopt", "refuse"), "a default address that the customer does not have"),
    Switch("sparklayer.groups", None, "names", "the customer groups that exist; null: any"),
    Switch("sparklayer.vatin", "checked", ("checked", "any"), "whether a VAT number has to look like one"),
    Switch("sparklayer.vatin_text", "as_sent", ("as_sent", "normalised"), "VAT numbers kept as sent, or in capitals, no spaces"),
    Switch("sparklayer.validation_status", 400, (400, 422), "the status of a value that does not fit"),
    Switch("sparklayer.missing_site_status", 400, (400, 401, 403), "the status without a Site-Id"),
    Switch("sparklayer.error_body", "problem", ("problem", "none"), "errors with problem details, or without a body"),
    Switch("sparklayer.retry_after", "seconds", ("seconds", "date", "none"), "how the rate-limit answer says when"),
    Switch("sparklayer.empty_list_status", 200, (200, 204), "the status of a list without customers"),
)

TABLE: Final = COMMON + SELLERCLOUD + RPM + WEBCOMMANDER + SPARKLAYER
