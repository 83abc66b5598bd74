variable "name" {
  description = "Prefix of roles' names: the cluster's name."
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

variable "models" {
  description = "Who the models are, and the one folder of a bucket that each may read."
  type = map(object({
    namespace       = string
    service_account = string
    weights = optional(object({
      bucket = string
      prefix = string
    }))
  }))

  validation {
    condition = length(distinct([
      for model in values(var.models) : "${model.namespace}/${model.service_account}"
    ])) == length(var.models)
    error_message = "models must have a service account each: a shared one would read the weights of both."
  }
}

variable "kms_key_arn" {
  description = "Key that the weights are encrypted with; null: S3's own, which needs no right."
  type        = string
  default     = null
}
