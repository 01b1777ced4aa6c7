"""Distinct texts for the factories."""

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def text(length: int, n: int) -> str:
    """Return the number `n` in base 36 with leading zeros, as a text of `length` characters."""
    digits = ""
    while len(digits) < length:
        n, digit = divmod(n, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
