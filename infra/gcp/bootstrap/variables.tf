variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the state, such as `europe-west4`."
  type        = string
  nullable    = false
}

variable "state" {
  description = "Where the state is kept. `kms_key`: the key that encrypts it, in the same region; none: Google's own."
  type = object({
    bucket  = string
    kms_key = optional(string)
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-z0-9][-_a-z0-9]{1,61}[a-z0-9]$", var.state.bucket))
    error_message = "state.bucket: write 3 to 63 lower-case letters, digits, dashes and underscores; a dot needs a domain that is yours."
  }
}

variable "services" {
  description = "Google's services that the cluster needs switched on."
  type        = set(string)
  default = [
    "artifactregistry.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudbilling.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "containerfilesystem.googleapis.com",
    "dns.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
  ]
  nullable = false
}
