"""The language of the bank: plain values and rules, standard library only."""
