"""The one exception whose message is written for the person at the keyboard."""


class BadInput(Exception):
    """What was given cannot be used; the message says what, where, and what is legal, in one line.

    The command line prints it and exits with 2; pytest raises it as `UsageError`.
    """
