variable "project" {
  description = "Project id, the cluster's."
  type        = string
  nullable    = false
}

variable "workload_pool" {
  description = "The cluster's pool of identities. Taken from the cluster: Google refuses rights for a pool that is not there yet."
  type        = string
  nullable    = false
}

variable "models" {
  description = "Models by name: their service account, and the weights that they alone may read."
  type = map(object({
    namespace       = string
    service_account = string
    weights         = optional(object({ bucket = string, prefix = string }))
  }))
  nullable = false

  validation {
    condition     = alltrue([for model in var.models : can(regex("^[A-Za-z0-9][-A-Za-z0-9._/]*$|^$", try(model.weights.prefix, "")))])
    error_message = "models: the path of weights has letters, digits, `-`, `.`, `_` and `/` only; not so: ${join(", ", [for name, model in var.models : name if !can(regex("^[A-Za-z0-9][-A-Za-z0-9._/]*$|^$", try(model.weights.prefix, "")))])}."
  }
}
