"""What training data are like where nothing else is said."""

PARTICLE_PX = 32.0
"""Particle diameter in pixels of tiles without a plan, which are cut from real micrographs."""

VALIDATION, TEST = 0.1, 0.1
"""Share of the structure families that goes to each of these splits."""
