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

variable "cloud_region" {
  description = "The AWS region of everything, the Kafka cluster included."
  type        = string
  default     = "us-east-2"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.cloud_region))
    error_message = "cloud_region: the name of an AWS region, such as us-east-2."
  }
}

variable "flink_max_cfu" {
  description = "How large the compute pool may grow."
  type        = number
  default     = 20

  validation {
    condition     = contains([5, 10, 20, 30, 40, 50], var.flink_max_cfu)
    error_message = "flink_max_cfu: 5, 10, 20, 30, 40 or 50."
  }
}

variable "environment_id" {
  description = "Output of the step cluster."
  type        = string
}

variable "kafka_cluster_id" {
  description = "Output of the step cluster."
  type        = string
}

variable "kafka_cluster_name" {
  description = "Output of the step cluster."
  type        = string
}

variable "environment_name" {
  description = "Output of the step cluster."
  type        = string
}

variable "schema_registry_id" {
  description = "Output of the step cluster."
  type        = string
}

variable "schema_registry_endpoint" {
  description = "Output of the step cluster."
  type        = string
}

variable "flink_service_account_id" {
  description = "Output of the step cluster."
  type        = string
}

variable "flink_secret_arn" {
  description = "Output of the step cluster."
  type        = string
}

variable "schema_registry_secret_arn" {
  description = "Output of the step cluster."
  type        = string
}
