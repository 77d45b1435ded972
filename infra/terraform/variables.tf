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

variable "db_instance_class" {
  description = "RDS instance class."
  type        = string
  default     = "db.t3.medium"

  validation {
    condition     = startswith(var.db_instance_class, "db.")
    error_message = "db_instance_class: a class such as db.t3.medium."
  }
}

variable "db_allocated_storage" {
  description = "Storage of the database, in GB."
  type        = number
  default     = 30

  validation {
    condition     = var.db_allocated_storage >= 20 && var.db_allocated_storage <= 65536
    error_message = "db_allocated_storage: 20 to 65536 (GB)."
  }
}

variable "db_username" {
  description = "The master user. Its password is made and kept by RDS in Secrets Manager."
  type        = string
  default     = "postgres"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.db_username)) && !contains(["admin", "rdsadmin"], var.db_username)
    error_message = "db_username: a Postgres name, and neither admin nor rdsadmin, which RDS keeps for itself."
  }
}

variable "db_publicly_accessible" {
  description = "Whether the database has a public address. The managed connector of a Standard cluster reaches no other; only the listed addresses may come in."
  type        = bool
  default     = true
}

variable "db_allowed_cidr_blocks" {
  description = "Further addresses that may reach the database, such as that of who loads the tables."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for block in var.db_allowed_cidr_blocks : can(cidrhost(block, 0)) && try(tonumber(split("/", block)[1]) >= 16, false)])
    error_message = "db_allowed_cidr_blocks: blocks such as 203.0.113.7/32, none wider than /16."
  }
}

variable "confluent_cloud_cidr_blocks" {
  description = "The addresses from which Confluent's connectors come. Empty: Confluent is asked for those of the region."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for block in var.confluent_cloud_cidr_blocks : can(cidrhost(block, 0)) && try(tonumber(split("/", block)[1]) >= 16, false)])
    error_message = "confluent_cloud_cidr_blocks: blocks such as 203.0.113.7/32, none wider than /16."
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

variable "flink_max_cfu" {
  description = "How large the compute pool may grow."
  type        = number
  default     = 20

  validation {
    condition     = contains([5, 10, 20, 30, 40, 50], var.flink_max_cfu)
    error_message = "flink_max_cfu: 5, 10, 20, 30, 40 or 50."
  }
}

variable "ml_inference_image" {
  description = "The image of the scoring service, by digest. Empty: the tag 1 of the repository that is made here."
  type        = string
  default     = ""

  validation {
    condition     = var.ml_inference_image == "" || can(regex("@sha256:[0-9a-f]{64}$", var.ml_inference_image))
    error_message = "ml_inference_image: a reference that ends in @sha256: and 64 hexadecimal digits, or nothing."
  }
}

variable "local_architecture" {
  description = "For which processor the image was built."
  type        = string
  default     = "amd64"

  validation {
    condition     = contains(["amd64", "arm64"], var.local_architecture)
    error_message = "local_architecture: amd64 or arm64."
  }
}

variable "enable_tableflow" {
  description = "Whether the enriched topics are Iceberg tables in the bucket as well."
  type        = bool
  default     = true
}

variable "enable_redshift" {
  description = "Whether Redshift Serverless reads those tables."
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_redshift || var.enable_tableflow
    error_message = "enable_redshift: it reads the tables of enable_tableflow, which is off."
  }
}

variable "database_is_prepared" {
  description = "Whether sql/ has been run on the database: the connector, the statements and the lake wait for it."
  type        = bool
  default     = false
}
