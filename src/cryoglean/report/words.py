"""Numbers of things in words."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Say a number of things: '1 pick', '12,000 picks', '8 classes'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
