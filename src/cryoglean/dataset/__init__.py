"""The format of training data, which neither of its producers owns."""
