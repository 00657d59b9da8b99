"""How large the particles are, and whether they are dark or bright."""
