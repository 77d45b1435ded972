variable "prefix" {
  description = "Begins every name, and is the topic prefix of the connector."
  type        = string
  default     = "card-tx"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.prefix))
    error_message = "prefix: 3 to 20 small letters, digits and hyphens that begin with a letter, such as card-tx."
  }
}

variable "owner_email" {
  description = "Who answers for what is deployed: the tag owner_email."
  type        = string

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.owner_email))
    error_message = "owner_email: an address such as team@example.com."
  }
}

variable "enable_tableflow" {
  description = "Whether the enriched topics are Iceberg tables in the bucket as well."
  type        = bool
  default     = true
}

variable "environment_id" {
  description = "Output of the step cluster."
  type        = string
}

variable "kafka_cluster_id" {
  description = "Output of the step cluster."
  type        = string
}

variable "sink_service_account_id" {
  description = "Output of the step cluster."
  type        = string
}

variable "tableflow_secret_arn" {
  description = "Output of the step cluster."
  type        = string
}
