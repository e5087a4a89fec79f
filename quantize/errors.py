"""The error that a user can do something about."""


class StatespikeError(ValueError):
    """Input that cannot be worked with, told in one sentence: what is wrong, where, and what to do.

    The command line prints the sentence and exits with status 2; everything else is a defect of the program.
    """
