from .selection import apart, inside, select

__all__ = ["apart", "inside", "select"]
