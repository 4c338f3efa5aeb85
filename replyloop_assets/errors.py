"""The one kind of error a person sees: a sentence that says what is wrong and what to do next."""


class ReplyloopError(Exception):
    """Raised for anything the user can act on; the command prints it and exits non-zero."""
