variable "name" {
  description = "Prefix of every name."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Azure region."
  type        = string
  nullable    = false
}

variable "zones" {
  description = "Zones of the address; empty in a region without zones."
  type        = list(string)
  nullable    = false
}

variable "resource_group" {
  description = "The cluster's resource group: its name and id."
  type        = object({ name = string, id = string })
  nullable    = false
}

variable "control_plane_principal_id" {
  description = "Principal of the cluster's own identity, which puts the address onto the load balancer."
  type        = string
  nullable    = false
}

variable "dns" {
  description = "The gateway's host name and the public DNS zone, in this subscription, that holds it."
  type        = object({ zone = string, host = string })
  nullable    = false

  validation {
    condition     = var.dns.host == var.dns.zone || endswith(var.dns.host, ".${var.dns.zone}")
    error_message = "gateway.dns.zone: ${var.dns.host} is not in the zone ${var.dns.zone}; write the zone that holds it."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
