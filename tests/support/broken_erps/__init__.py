"""ERPs with one fault each, and the questions of the exam that must notice it. All other questions must be content."""

from tests.support.broken_erps import doubts, endings, news, records, updates  # noqa: F401  # each lists its faults
from tests.support.broken_erps.fault import FAULTS

__all__ = ["FAULTS"]
