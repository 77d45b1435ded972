# The bucket is nobody's but Confluent's, with its external id; deletes are in it; tables are Iceberg.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

mock_provider "confluent" {
  source = "./tests/mocks/confluent"
}

variables {
  owner_email             = "team@example.com"
  environment_id          = "env-000000"
  kafka_cluster_id        = "lkc-000000"
  sink_service_account_id = "sa-000008"
  tableflow_secret_arn    = "arn:aws:secretsmanager:us-east-2:000000000000:secret:tableflow"
}

run "nothing_public" {
  module {
    source = "./steps/lake"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.lake.block_public_acls, aws_s3_bucket_public_access_block.lake.block_public_policy,
      aws_s3_bucket_public_access_block.lake.ignore_public_acls, aws_s3_bucket_public_access_block.lake.restrict_public_buckets,
    ])
    error_message = "the bucket may become public"
  }
  assert {
    condition     = data.aws_iam_policy_document.lake_tls.statement[0].effect == "Deny" && one(data.aws_iam_policy_document.lake_tls.statement[0].condition).variable == "aws:SecureTransport"
    error_message = "the bucket can be reached without TLS"
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.lake.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    error_message = "the bucket is not encrypted"
  }
  assert {
    condition     = aws_s3_bucket_versioning.lake.versioning_configuration[0].status == "Enabled" && aws_s3_bucket_lifecycle_configuration.lake.rule[0].abort_incomplete_multipart_upload[0].days_after_initiation == 7
    error_message = "old versions or cut uploads stay for ever"
  }
  assert {
    condition     = aws_s3_bucket.lake.bucket == "card-tx-lake-000000000000" && lookup(aws_s3_bucket.lake.tags, "owner_email", "") == "team@example.com"
    error_message = "the bucket has another name, or no tags"
  }
}

run "who_writes" {
  module {
    source = "./steps/lake"
  }

  assert {
    condition     = one(data.aws_iam_policy_document.trust.statement[0].condition).variable == "sts:ExternalId" && one(data.aws_iam_policy_document.trust.statement[0].condition).test == "StringEquals"
    error_message = "the role can be assumed without the external id"
  }
  assert {
    condition     = one(data.aws_iam_policy_document.trust.statement[0].principals).type == "AWS" && !contains(one(data.aws_iam_policy_document.trust.statement[0].principals).identifiers, "*")
    error_message = "anybody may assume the role"
  }
  assert {
    condition     = alltrue(flatten([for one in data.aws_iam_policy_document.write.statement : [for action in one.actions : !strcontains(action, "*")]]))
    error_message = "the role may do everything of a service"
  }
  assert {
    condition     = alltrue(flatten([for one in data.aws_iam_policy_document.write.statement : [for resource in one.resources : resource != "*"]]))
    error_message = "the role's rights are for everything"
  }
  assert {
    condition     = confluent_provider_integration.lake.aws[0].customer_role_arn == "arn:aws:iam::000000000000:role/${aws_iam_role.confluent.name}"
    error_message = "the integration names another role"
  }
}

run "deletes_are_in_the_bucket" {
  module {
    source = "./steps/lake"
  }

  assert {
    condition     = toset(split(",", confluent_connector.bucket.config_nonsensitive["topics"])) == toset(["customer_deletes", "txp_dim_customers"])
    error_message = "the deletes do not reach the bucket"
  }
  assert {
    condition     = confluent_connector.bucket.config_nonsensitive["output.data.format"] == "PARQUET" && confluent_connector.bucket.config_nonsensitive["authentication.method"] == "IAM Roles"
    error_message = "the files are no Parquet, or keys of AWS are used"
  }
  assert {
    condition     = length(nonsensitive(confluent_connector.bucket.config_sensitive)) == 0
    error_message = "the sink connector has a secret of its own"
  }
}

run "tables" {
  module {
    source = "./steps/lake"
  }

  assert {
    condition     = toset([for one in confluent_tableflow_topic.table : one.display_name]) == toset(["txp_dim_enriched_tx", "txp_fct_hourly_tx_metrics"])
    error_message = "other topics than the demo's are tables"
  }
  assert {
    condition     = alltrue([for one in confluent_tableflow_topic.table : one.table_formats == tolist(["ICEBERG"]) && one.error_handling[0].mode == "SUSPEND"])
    error_message = "a table is no Iceberg, or loses rows unnoticed"
  }
  assert {
    condition     = confluent_catalog_integration.glue[0].aws_glue[0].custom_database == "card_tx_lake"
    error_message = "Glue's catalogue does not know the tables"
  }
}

run "without_tables" {
  module {
    source = "./steps/lake"
  }

  variables {
    enable_tableflow = false
  }

  assert {
    condition     = length(confluent_tableflow_topic.table) == 0 && length(confluent_catalog_integration.glue) == 0
    error_message = "tables although they are switched off"
  }
  assert {
    condition     = !anytrue([for one in data.aws_iam_policy_document.write.statement : one.sid == "Catalogue"])
    error_message = "the role may write a catalogue that nobody uses"
  }
}
