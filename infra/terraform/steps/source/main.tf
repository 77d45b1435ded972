# The source connector. Its settings are those of flink-sql/card_tx/connector.json, which the suite runs
# too; only what is of this place is put in here.

locals {
  written = jsondecode(file("${path.module}/../../../../flink-sql/card_tx/connector.json")).config
  user    = jsondecode(data.aws_secretsmanager_secret_version.cdc.secret_string)
}

data "aws_secretsmanager_secret_version" "cdc" {
  secret_id = var.cdc_secret_arn
}

resource "confluent_connector" "cdc" {
  environment {
    id = var.environment_id
  }

  kafka_cluster {
    id = var.kafka_cluster_id
  }

  config_sensitive = {
    "database.password" = local.user.password
  }

  config_nonsensitive = merge(local.written, {
    "name"                     = "${var.prefix}-cdc-source"
    "kafka.service.account.id" = var.cdc_service_account_id
    "database.hostname"        = var.rds_address
    "database.port"            = tostring(var.rds_port)
    "database.dbname"          = var.rds_database_name
    "database.user"            = "cdc"
    "topic.prefix"             = var.prefix
    # sql/cdc_user.sql makes the publication: the connector's user may not.
    "publication.autocreate.mode" = "disabled"
  })
}
