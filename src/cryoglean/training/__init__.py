"""Training: all that needs torch, from tiles or annotations to a folder of weights."""
