terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.62.0"
    }
    confluent = {
      source  = "confluentinc/confluent"
      version = "2.83.0"
    }
  }
}

# Keys of Confluent Cloud come from CONFLUENT_CLOUD_API_KEY and CONFLUENT_CLOUD_API_SECRET.
provider "confluent" {}

provider "aws" {
  region = var.cloud_region
}
