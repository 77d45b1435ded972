# What is written into the bucket: appends by the sink connector, tables by Tableflow.

# A file is never changed, so a delete has to be said: txp_dim_customers carries src_op and is_deleted,
# customer_deletes has a row for each delete.
resource "confluent_connector" "bucket" {
  environment {
    id = var.environment_id
  }

  kafka_cluster {
    id = var.kafka_cluster_id
  }

  config_sensitive = {}

  config_nonsensitive = {
    "connector.class"          = "S3_SINK"
    "name"                     = "${var.prefix}-s3-sink"
    "kafka.auth.mode"          = "SERVICE_ACCOUNT"
    "kafka.service.account.id" = var.sink_service_account_id
    "authentication.method"    = "IAM Roles"
    "provider.integration.id"  = confluent_provider_integration.lake.id
    "topics"                   = "customer_deletes,txp_dim_customers"
    "s3.bucket.name"           = aws_s3_bucket.lake.bucket
    "input.data.format"        = "JSON_SR"
    "output.data.format"       = "PARQUET"
    "time.interval"            = "HOURLY"
    "flush.size"               = "1000"
    "behavior.on.null.values"  = "ignore"
    "tasks.max"                = "1"
  }

  depends_on = [aws_iam_role_policy.confluent]
}

resource "confluent_tableflow_topic" "table" {
  for_each = local.tables

  display_name  = each.value
  table_formats = ["ICEBERG"]

  environment {
    id = var.environment_id
  }

  kafka_cluster {
    id = var.kafka_cluster_id
  }

  byob_aws {
    bucket_name             = aws_s3_bucket.lake.bucket
    provider_integration_id = confluent_provider_integration.lake.id
  }

  # A record that cannot become a row stops the table: a row that lacks unnoticed would be worse.
  error_handling {
    mode = "SUSPEND"
  }

  credentials {
    key    = local.tableflow_key.key
    secret = local.tableflow_key.secret
  }

  depends_on = [aws_iam_role_policy.confluent]
}

resource "confluent_catalog_integration" "glue" {
  count = var.enable_tableflow ? 1 : 0

  display_name = "${var.prefix}-glue"

  environment {
    id = var.environment_id
  }

  kafka_cluster {
    id = var.kafka_cluster_id
  }

  aws_glue {
    provider_integration_id = confluent_provider_integration.lake.id
    custom_database         = local.database
  }

  credentials {
    key    = local.tableflow_key.key
    secret = local.tableflow_key.secret
  }

  depends_on = [aws_iam_role_policy.confluent]
}
