"""The economics room: profit of a contact, drift statistics."""
