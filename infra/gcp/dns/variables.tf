variable "name" {
  description = "Prefix of every name."
  type        = string
  nullable    = false
}

variable "project" {
  description = "Project id, of the cluster and of the zone."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the address: the cluster's, for a load balancer of the region."
  type        = string
  nullable    = false
}

variable "dns" {
  description = "The gateway's host name and the domain of the public managed zone that holds it; `managed_zone` is the zone's own name, for projects where two have the domain."
  type = object({
    zone         = string
    host         = string
    managed_zone = optional(string)
  })
  nullable = false

  validation {
    condition     = var.dns.host == var.dns.zone || endswith(var.dns.host, ".${var.dns.zone}")
    error_message = "gateway.dns.zone: ${var.dns.host} is not in the zone ${var.dns.zone}; write the zone that holds it."
  }
}
