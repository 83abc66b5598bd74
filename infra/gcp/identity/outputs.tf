output "principals" {
  description = "What each model's pods are to Google: for rights that this tree does not give."
  value       = local.principals
}
