"""AutoCryoPicker, the first paper: Al-Azzawi et al. (2019), BMC Bioinformatics 20:326."""
