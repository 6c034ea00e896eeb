"""Pages of the administration: one's own account, the staff, the audit trail, the policy."""
