"""Why a wish is not fulfilled."""


class Refused(Exception):
    """The wish makes no sense now; its text says why, and what to do instead."""


class NotYet(Exception):
    """The wish must wait: it is looked at again in the next cycle."""
