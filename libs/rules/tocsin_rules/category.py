"""What an incident is about (C7)."""

from enum import StrEnum


class Category(StrEnum):
    """The kind of trouble; `other` where no classification rule says better."""

    AVAILABILITY = "availability"
    LATENCY = "latency"
    ERRORS = "errors"
    CAPACITY = "capacity"
    SECURITY = "security"
    DEPLOY = "deploy"
    DATA = "data"
    OTHER = "other"
