"""Learning from a user: which micrographs to look at, and what the networks learn from corrections."""

from cryoglean.learning.proposals import Proposal, propose_teaching, propose_tuning

__all__ = ["Proposal", "propose_teaching", "propose_tuning"]
