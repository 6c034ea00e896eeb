"""The studies desk: segments that analysis proposes."""
