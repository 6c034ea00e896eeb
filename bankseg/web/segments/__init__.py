"""The segments desk: schemes, the designer and the attribute catalogue."""
