"""The page on which picks are looked at and corrected: its server, which nobody else can reach."""
