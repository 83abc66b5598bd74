variable "name" {
  description = "Prefix of names: the cluster's name."
  type        = string
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "account" {
  description = "Account of the cluster, twelve digits."
  type        = string
}

variable "cluster_name" {
  description = "The cluster, once its Pod Identity agent is there."
  type        = string
}

variable "zone" {
  description = "Public hosted zone by name, such as dungeon.example; it is there already."
  type        = string
}

variable "host" {
  description = "The gateway's name; it lies in the zone."
  type        = string

  validation {
    condition     = var.host == trimsuffix(var.zone, ".") || endswith(var.host, ".${trimsuffix(var.zone, ".")}")
    error_message = "gateway.host must lie in gateway.dns.zone: ${var.host} is not a name of ${var.zone}."
  }
}

variable "service_account" {
  description = "Who external-dns is in the cluster."
  type = object({
    namespace = optional(string, "external-dns")
    name      = optional(string, "external-dns")
  })
  default = {}
}
