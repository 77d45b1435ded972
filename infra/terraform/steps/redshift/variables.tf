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

variable "existing_vpc_id" {
  description = "The VPC that everything in AWS is put into."
  type        = string

  validation {
    condition     = can(regex("^vpc-[0-9a-f]{8,17}$", var.existing_vpc_id))
    error_message = "existing_vpc_id: the id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "existing_subnet_ids" {
  description = "Subnets of that VPC, in two zones at least. Empty: all of its subnets."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.existing_subnet_ids) != 1 && alltrue([for id in var.existing_subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "existing_subnet_ids: none, or two at least, such as subnet-0123456789abcdef0."
  }
}

variable "bucket_name" {
  description = "Output of the step lake."
  type        = string
}

variable "glue_database" {
  description = "Output of the step lake."
  type        = string
}
