# The source connector: the settings of the suite's own file, with what is of this place put in.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

mock_provider "confluent" {
  source = "./tests/mocks/confluent"
}

variables {
  owner_email            = "team@example.com"
  environment_id         = "env-000000"
  kafka_cluster_id       = "lkc-000000"
  cdc_service_account_id = "sa-000009"
  rds_address            = "db.example.com"
  rds_port               = 5432
  rds_database_name      = "cardtxdb"
  cdc_secret_arn         = "arn:aws:secretsmanager:us-east-2:000000000000:secret:cdc"
}

run "as_in_the_suite" {
  module {
    source = "./steps/source"
  }

  assert {
    condition = alltrue([for key, value in jsondecode(file("../../flink-sql/card_tx/connector.json")).config :
      confluent_connector.cdc.config_nonsensitive[key] == value if !contains(["name", "kafka.service.account.id", "database.hostname", "database.port", "database.dbname", "database.user", "topic.prefix", "publication.autocreate.mode"], key)
    ])
    error_message = "a setting differs from flink-sql/card_tx/connector.json"
  }
  assert {
    condition     = confluent_connector.cdc.config_nonsensitive["connector.class"] == "PostgresCdcSourceV2" && confluent_connector.cdc.config_nonsensitive["topic.prefix"] == "card-tx"
    error_message = "another connector, or another prefix"
  }
  assert {
    condition     = confluent_connector.cdc.config_nonsensitive["database.hostname"] == "db.example.com" && confluent_connector.cdc.config_nonsensitive["kafka.service.account.id"] == "sa-000009"
    error_message = "the connector is wired to something else"
  }
  assert {
    condition     = confluent_connector.cdc.config_nonsensitive["database.sslmode"] == "require"
    error_message = "the connector does not use TLS"
  }
}

run "the_password_is_secret" {
  module {
    source = "./steps/source"
  }

  assert {
    condition     = issensitive(confluent_connector.cdc.config_sensitive) && confluent_connector.cdc.config_sensitive["database.password"] == "PLANTED"
    error_message = "the password is not where secrets are"
  }
  assert {
    condition     = !contains(values(confluent_connector.cdc.config_nonsensitive), "PLANTED") && !contains(keys(confluent_connector.cdc.config_nonsensitive), "database.password")
    error_message = "the password is in plain text"
  }
}
