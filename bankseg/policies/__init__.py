"""Policy files that ship with bankseg; a bank's own file replaces entries by name."""
