"""The states of jobs and units, by what they mean to the protocol. docs/states.md says who moves a row out of each."""

from winnow.contract.problems import Reason

WANTING = ("queued", "running")
"""Jobs that want their units done now."""

LIVE = (*WANTING, "paused")
"""Jobs that have not ended."""

OPEN = ("ready", "running")
"""Units that will end by themselves as long as somebody wants them."""

FOR_GOOD = (Reason.USER_ERROR,)
"""Reasons that another try cannot change: a unit that failed with one of them stays failed. Data can be mended."""
