"""PIXER, the second paper: Zhang et al. (2019), BMC Bioinformatics 20, 41."""
