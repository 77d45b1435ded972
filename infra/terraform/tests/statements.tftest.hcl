# The statements: all of pipeline.yaml, word for word, each in its turn.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

mock_provider "confluent" {
  source = "./tests/mocks/confluent"
}

variables {
  owner_email                = "team@example.com"
  environment_id             = "env-000000"
  environment_name           = "card-tx-environment"
  kafka_cluster_id           = "lkc-000000"
  kafka_cluster_name         = "card-tx-cluster"
  schema_registry_id         = "lsrc-000000"
  schema_registry_endpoint   = "https://registry.example.com"
  schema_registry_secret_arn = "arn:aws:secretsmanager:us-east-2:000000000000:secret:registry"
  flink_secret_arn           = "arn:aws:secretsmanager:us-east-2:000000000000:secret:flink"
  flink_service_account_id   = "sa-000009"
}

run "all_of_them" {
  module {
    source = "./steps/statements"
  }

  assert {
    condition     = length(confluent_flink_statement.first) == 2 && length(confluent_flink_statement.second) == 1 && length(confluent_flink_statement.third) == 1
    error_message = "the topics' tables are not altered as the files say"
  }
  assert {
    condition     = length(confluent_flink_statement.tables) == 9 && length(confluent_flink_statement.inserts) == 6
    error_message = "a table or an INSERT of flink-sql/card_tx lacks"
  }
  assert {
    condition     = alltrue([for one in confluent_flink_statement.tables : strcontains(one.statement, "CREATE TABLE") && !endswith(one.statement, ";")])
    error_message = "a table's statement is something else"
  }
  assert {
    condition     = endswith(confluent_flink_statement.inserts["card-tx-dml-windows"].statement, "END") && length(regexall("INSERT INTO", confluent_flink_statement.inserts["card-tx-dml-windows"].statement)) == 3
    error_message = "the statement set of the windows is cut"
  }
}

run "where_and_as_whom" {
  module {
    source = "./steps/statements"
  }

  assert {
    condition = alltrue([for one in merge(confluent_flink_statement.first, confluent_flink_statement.tables, confluent_flink_statement.inserts) :
    one.principal[0].id == "sa-000009" && one.properties["sql.current-catalog"] == "card-tx-environment" && one.properties["sql.current-database"] == "card-tx-cluster"])
    error_message = "a statement runs as somebody else, or elsewhere"
  }
  assert {
    condition     = alltrue([for one in confluent_flink_statement.inserts : issensitive(one.credentials[0].secret)])
    error_message = "the key of Flink may be shown"
  }
  assert {
    condition     = confluent_flink_compute_pool.this.max_cfu == 20
    error_message = "the pool is larger than the demo's"
  }
}

run "rules_on_schemas" {
  module {
    source = "./steps/statements"
  }

  assert {
    condition     = toset([for one in confluent_schema.rules : one.subject_name]) == toset(["customer_deletes-value", "txp_dim_enriched_tx-value"])
    error_message = "the rules are on other subjects"
  }
  assert {
    condition     = alltrue(flatten([for one in confluent_schema.rules : [for rule in one.ruleset[0].domain_rules : rule.kind == "CONDITION" && rule.type == "CEL"]]))
    error_message = "a rule is no condition"
  }
}

run "another_prefix" {
  module {
    source = "./steps/statements"
  }

  variables {
    prefix = "other"
  }

  assert {
    condition     = length([for one in merge(confluent_flink_statement.first, confluent_flink_statement.inserts) : one if strcontains(one.statement, "`card-tx.")]) == 0
    error_message = "a statement reads the topic of another prefix"
  }
  assert {
    condition     = strcontains(confluent_flink_statement.first["other-ddl-customers"].statement, "`other.public.customers`")
    error_message = "the topic's table lacks the prefix"
  }
}

run "a_pool_of_no_size" {
  command = plan

  module {
    source = "./steps/statements"
  }

  variables {
    flink_max_cfu = 7
  }

  expect_failures = [var.flink_max_cfu]
}
