# Both halves of the deployment in one, wired.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

mock_provider "confluent" {
  source = "./tests/mocks/confluent"
}

variables {
  owner_email     = "team@example.com"
  existing_vpc_id = "vpc-0123456789abcdef0"
}

run "the_first_half" {
  assert {
    condition     = output.s3_bucket_name == null && output.flink_compute_pool_id == null && length(output.statements) == 0
    error_message = "what needs the prepared database is there before it"
  }
  assert {
    condition     = output.rds_allowed_cidr_blocks == tolist(["203.0.113.9/32"])
    error_message = "the database does not let in the addresses that Confluent names"
  }
}

run "both_halves" {
  variables {
    database_is_prepared = true
    enable_redshift      = true
  }

  assert {
    condition     = length(output.statements) == 19 && output.s3_bucket_name == "card-tx-lake-000000000000"
    error_message = "a part lacks"
  }
  assert {
    condition     = strcontains(output.redshift_external_schema_sql, "card_tx_lake")
    error_message = "the warehouse does not read the lake"
  }
}

run "the_stack_file_holds_no_secret" {
  variables {
    database_is_prepared = true
  }

  assert {
    condition     = yamldecode(output.stack_file).cluster.bootstrap == "kafka.example.com:9092" && yamldecode(output.stack_file).postgres.url == "postgres://postgres@db.example.com:5432/postgres"
    error_message = "the stack file names other places"
  }
  assert {
    condition     = toset(regexall("env: ([A-Z_]+)", output.stack_file)[*][0]) == setunion(toset(keys(output.secrets)), toset(["CONFLUENT_CLOUD_API_KEY", "CONFLUENT_CLOUD_API_SECRET"]))
    error_message = "the list of secrets is not that of the stack file"
  }
  assert {
    condition     = !strcontains(output.stack_file, "PLANTED") && alltrue([for one in values(output.secrets) : startswith(one, "arn:")])
    error_message = "a secret is in the stack file"
  }
}

run "a_warehouse_without_tables" {
  command = plan

  variables {
    enable_redshift  = true
    enable_tableflow = false
  }

  expect_failures = [var.enable_redshift]
}

run "a_wrong_prefix" {
  command = plan

  variables {
    prefix = "Card_TX"
  }

  expect_failures = [var.prefix]
}
