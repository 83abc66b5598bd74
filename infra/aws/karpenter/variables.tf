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

variable "security_group_id" {
  description = "The cluster's security group; Karpenter finds it by a tag, and gives it to its nodes."
  type        = string
}

variable "service_account" {
  description = "Who Karpenter is in the cluster."
  type = object({
    namespace = optional(string, "kube-system")
    name      = optional(string, "karpenter")
  })
  default = {}
}
