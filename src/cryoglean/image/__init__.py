"""Pure functions on images that more than one room uses."""
