"""The unsupervised picker: templates learnt from each micrograph's own best picks."""
