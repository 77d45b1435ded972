terraform {
  required_providers {
    confluent = { source = "confluentinc/confluent" }
  }
}

resource "confluent_connector" "payments_cdc" {
  environment { id = var.environment_id }
  kafka_cluster { id = var.cluster_id }

  config_sensitive = {
    "database.password" = var.db_password
  }

  config_nonsensitive = {
    "connector.class"          = "PostgresCdcSourceV2"
    "name"                     = "payments-cdc"
    "kafka.auth.mode"          = "SERVICE_ACCOUNT"
    "kafka.service.account.id" = confluent_service_account.connect.id
    "database.hostname"        = var.db_host
    "database.port"            = "5432"
    "database.user"            = "cdc"
    "database.dbname"          = "payments"
    "topic.prefix"             = "payments"
    "table.include.list"       = "public.accounts,public.transfers"
    "output.data.format"       = "AVRO"
    "output.key.format"        = "AVRO"
    "decimal.handling.mode"    = "precise"
    "tasks.max"                = "1"
  }
}
