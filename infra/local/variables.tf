variable "python" {
  description = "Interpreter that runs process.py, and the server too where the server is installed in it."
  type        = string
  default     = "python3"
}

variable "server_source" {
  description = "Folder with model_server/ and requirements/, to install the server from where var.python lacks it; null: it must have it."
  type        = string
  default     = null
}

variable "state_dir" {
  description = "Folder for run-time state (locks, logs, environments), relative to the root module. Never committed."
  type        = string
}

variable "environments" {
  description = "Python environments by name. `base` is the one that the others are layers of; requirements is a file, relative to the root module."
  type = map(object({
    fingerprint  = string
    requirements = optional(string)
  }))

  validation {
    condition     = contains(keys(var.environments), "base")
    error_message = "environments must have `base`: the one without requirements, which the others are layers of."
  }
}

variable "processes" {
  description = "Server processes by name. A new fingerprint restarts the process; config is its server configuration, relative to the root module."
  type = map(object({
    config      = string
    environment = string
    fingerprint = string
  }))

  validation {
    condition     = alltrue([for each in values(var.processes) : contains(keys(var.environments), each.environment)])
    error_message = "Each process must name one of var.environments."
  }
}

variable "models" {
  description = "Models by name. A new revision reloads that model alone; timeout_seconds bounds its loading."
  type = map(object({
    process         = string
    revision        = string
    timeout_seconds = number
  }))

  validation {
    condition     = alltrue([for each in values(var.models) : contains(keys(var.processes), each.process)])
    error_message = "Each model must name one of var.processes."
  }
}
