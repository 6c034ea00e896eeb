"""bankseg: customer-value scoring for banks. Importing this package does nothing."""

__version__ = "0.1.0"
