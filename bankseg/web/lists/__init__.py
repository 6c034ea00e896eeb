"""Marketing's lists: built, frozen, released, exported, measured."""
