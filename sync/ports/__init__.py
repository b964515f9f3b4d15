"""What can be plugged in: Source, Vendor, Store, Report. Each plug subclasses its port, so that nothing is forgotten."""

from sync.ports.lists import Lists
from sync.ports.outlets import Report, Watch
from sync.ports.reading import Reading
from sync.ports.saved import SavedPlan, SavedUpdate
from sync.ports.sources import Page, Source, Span
from sync.ports.stores import Filer, Store
from sync.ports.vendors import Ask, Listing, Signing, Vendor

__all__ = [
    "Ask",
    "Filer",
    "Listing",
    "Lists",
    "Page",
    "Reading",
    "Report",
    "SavedPlan",
    "SavedUpdate",
    "Signing",
    "Source",
    "Span",
    "Store",
    "Vendor",
    "Watch",
]
