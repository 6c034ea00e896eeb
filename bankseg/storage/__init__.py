"""The operational store: what people look at and decide."""
