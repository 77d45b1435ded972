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

variable "cc_availability" {
  description = "Kafka in one zone or in several."
  type        = string
  default     = "SINGLE_ZONE"

  validation {
    condition     = contains(["SINGLE_ZONE", "MULTI_ZONE"], var.cc_availability)
    error_message = "cc_availability: SINGLE_ZONE or MULTI_ZONE."
  }
}
