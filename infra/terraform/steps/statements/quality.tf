# Data quality: rules on the schemas that the statements' tables have registered. Who reads with a
# client of the registry has them checked; what does not hold is an error there.

locals {
  rules = {
    txp_dim_enriched_tx = {
      score_is_a_probability = "!has(message.fraud_score) || (message.fraud_score >= 0.0 && message.fraud_score <= 1.0)"
      amount_is_not_negative = "!has(message.amount) || message.amount >= 0"
    }
    customer_deletes = {
      account_is_named = "!has(message.account_number) || size(message.account_number) > 0"
    }
  }
}

data "confluent_schemas" "tables" {
  for_each = local.rules

  rest_endpoint = var.schema_registry_endpoint

  schema_registry_cluster {
    id = var.schema_registry_id
  }

  filter {
    subject_prefix = "${each.key}-value"
    latest_only    = true
  }

  credentials {
    key    = local.registry_key.key
    secret = local.registry_key.secret
  }

  depends_on = [confluent_flink_statement.tables]
}

resource "confluent_schema" "rules" {
  for_each = local.rules

  subject_name  = "${each.key}-value"
  format        = data.confluent_schemas.tables[each.key].schemas[0].format
  schema        = data.confluent_schemas.tables[each.key].schemas[0].schema
  rest_endpoint = var.schema_registry_endpoint

  schema_registry_cluster {
    id = var.schema_registry_id
  }

  ruleset {
    dynamic "domain_rules" {
      for_each = each.value

      content {
        name       = domain_rules.key
        kind       = "CONDITION"
        type       = "CEL"
        mode       = "READ"
        expr       = domain_rules.value
        on_failure = "ERROR"
      }
    }
  }

  credentials {
    key    = local.registry_key.key
    secret = local.registry_key.secret
  }
}

resource "confluent_subject_config" "tables" {
  for_each = local.rules

  subject_name        = "${each.key}-value"
  compatibility_level = "BACKWARD"
  rest_endpoint       = var.schema_registry_endpoint

  schema_registry_cluster {
    id = var.schema_registry_id
  }

  credentials {
    key    = local.registry_key.key
    secret = local.registry_key.secret
  }

  depends_on = [confluent_flink_statement.tables]
}
