output "address_name" {
  description = "Name of the gateway's address."
  value       = google_compute_address.this.name
}

output "address" {
  description = "The gateway's address."
  value       = google_compute_address.this.address
}
