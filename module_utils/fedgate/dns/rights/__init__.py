"""What a DNS server must allow, derived from what is ours: BIND's update-policy, IAM's policy documents."""
