output "names" {
  description = "Name that EKS gave to each group, by ours."
  value       = { for name, group in aws_eks_node_group.this : name => group.node_group_name }
}
