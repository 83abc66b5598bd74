variable "name" {
  description = "Name of the cluster, and prefix of every other name."
  type        = string
}

variable "project" {
  description = "Project that holds everything."
  type        = string

  validation {
    condition     = can(regex("^([a-z][-a-z0-9.]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id, such as dungeon-prod-1 (gcloud projects list), not its name or number."
  }
}

variable "region" {
  description = "Region, such as `europe-west4`."
  type        = string
}

variable "zones" {
  description = "Zones of the nodes, in the region."
  type        = list(string)
}

variable "kubernetes" {
  description = "Kubernetes version, such as `1.35`: its patches come by themselves."
  type        = string
}

variable "release_channel" {
  description = "How soon patches come: `RAPID`, `REGULAR`, `STABLE` or `EXTENDED`."
  type        = string
  default     = "REGULAR"
}

variable "minor_upgrades" {
  description = "Who raises the minor version: `by_file` (control plane by `kubernetes`, nodes when they are asked to, all at the end of support) or `by_channel` (GKE, which also brings nodes to the control plane's)."
  type        = string
  default     = "by_file"
}

variable "dns_endpoint" {
  description = "Whether the API is also reached by its DNS name from every address, behind IAM alone: a way to a private endpoint without a VPN."
  type        = bool
  default     = false
}

variable "network" {
  description = "A new network by `cidr` and `nat`, or an `existing` one: its name (of a shared VPC: `projects/HOST/global/networks/NAME`), its subnet, and the names of the subnet's secondary ranges."
  type = object({
    cidr      = optional(string)
    nat       = optional(string, "single")
    flow_logs = optional(bool, true)
    existing = optional(object({
      network        = string
      subnets        = list(string)
      pods_range     = optional(string)
      services_range = optional(string)
    }))
  })
}

variable "access" {
  description = "Who reaches and who administers the API. `cidrs`: for a public endpoint. `admins`: members of IAM, such as `group:platform@example.com`."
  type = object({
    endpoint = string
    cidrs    = list(string)
    admins   = list(string)
  })
}

variable "system" {
  description = "The pool where controllers run: its machine, of which GKE takes the first, and how many."
  type = object({
    instance_types = list(string)
    nodes          = number
  })
}

variable "provisioner" {
  description = "Who adds nodes: `node_pools` (the pools' own autoscaler) or `auto_provisioning` (GKE makes pools)."
  type        = string
  default     = "node_pools"
}

variable "gpu_limits" {
  description = "Most GPUs that auto-provisioning may add, by accelerator, such as `nvidia-l4`."
  type        = map(number)
  default     = {}
}

variable "node_limits" {
  description = "Where auto-provisioning stops: the most CPUs and GiB of memory of all nodes together, the system's included. `disk_gib` is the boot disk of its nodes."
  type        = object({ cpu = number, memory_gib = number, disk_gib = optional(number, 100) })
  default     = { cpu = 0, memory_gib = 0 }
}

variable "node_groups" {
  description = "Node pools by their name in the project; `pool_name` is what GKE calls them. One machine type each."
  type = map(object({
    pool           = string
    pool_name      = string
    capacity       = string
    instance_types = list(string)
    min            = number
    max            = number
    zones          = list(string)
    disk_gib       = number
    gpu = optional(object({
      type      = string
      count     = number
      share     = optional(string, "none")
      clients   = optional(number)
      partition = optional(string)
      driver    = optional(string, "cloud")
    }))
    image     = string
    placement = optional(string)
    reservation = optional(object({
      id    = string
      block = optional(bool, false)
    }))
    max_price = optional(number)
    labels    = map(string)
    taints    = list(object({ key = string, value = string, effect = string }))
  }))
  default = {}
}

variable "models" {
  description = "Models by name: their service account, and the weights that they alone may read."
  type = map(object({
    namespace       = string
    service_account = string
    weights         = optional(object({ bucket = string, prefix = string }))
  }))
  default = {}
}

variable "weights" {
  description = "Bucket of the models' weights."
  type        = object({ bucket = string })
}

variable "registry" {
  description = "Image repository of the models' images."
  type        = object({ name = string })
}

variable "dns" {
  description = "The gateway's host name and the domain of the public managed zone, in this project, that holds it; `managed_zone` is the zone's own name."
  type = object({
    zone         = string
    host         = string
    managed_zone = optional(string)
  })
  default = null
}

variable "budget" {
  description = "The month's cost and who is told at 50, 80 and 100 percent."
  type        = object({ monthly_usd = number, notify = list(string) })
  default     = null
}

variable "kms_key" {
  description = "Key that encrypts Kubernetes' secrets, disks, weights and images, in the same region; null: Google's own."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the cluster, the weights and the images."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Labels of every resource."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[a-z][-_a-z0-9]{0,62}$", key)) && can(regex("^[-_a-z0-9]{0,63}$", value))])
    error_message = "tags: Google's labels have lower-case letters, digits, - and _ only, a letter first, at most 63; not so: ${join(", ", [for key, value in var.tags : "${key}: ${value}" if !(can(regex("^[a-z][-_a-z0-9]{0,62}$", key)) && can(regex("^[-_a-z0-9]{0,63}$", value)))])}."
  }
}
