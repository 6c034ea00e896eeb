"""Writing lists out: CSV, XLSX and Parquet."""
