output "backend" {
  description = "What the cluster root's `azurerm` backend needs."
  value       = module.bootstrap.backend
}
