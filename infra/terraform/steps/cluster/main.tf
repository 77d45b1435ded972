# Confluent Cloud: environment, cluster, registry, and who may do what. Nobody is an administrator of the
# environment: each service account has the topics of this pipeline and no others.

locals {
  tags = {
    project     = var.prefix
    owner_email = var.owner_email
    managed_by  = "terraform"
  }
}

data "confluent_organization" "this" {}

# The addresses from which managed connectors come, for the step database.
data "confluent_ip_addresses" "connect" {
  filter {
    clouds        = ["AWS"]
    regions       = [var.cloud_region]
    services      = ["CONNECT"]
    address_types = ["EGRESS"]
  }
}

resource "confluent_environment" "this" {
  display_name = "${var.prefix}-environment"

  stream_governance {
    package = "ADVANCED"
  }
}

resource "confluent_kafka_cluster" "this" {
  display_name = "${var.prefix}-cluster"
  availability = var.cc_availability
  cloud        = "AWS"
  region       = var.cloud_region

  standard {}

  environment {
    id = confluent_environment.this.id
  }
}

data "confluent_schema_registry_cluster" "this" {
  environment {
    id = confluent_environment.this.id
  }

  depends_on = [confluent_kafka_cluster.this]
}

data "confluent_flink_region" "this" {
  cloud  = "AWS"
  region = var.cloud_region
}

locals {
  # Who there is, and what for.
  accounts = {
    deployer = "Terraform's own: makes topics, access lists and statements"
    cdc      = "The source connector"
    sink     = "The sink connector"
    flink    = "What the statements run as"
  }

  environment = confluent_environment.this.resource_name
  topics      = "${confluent_kafka_cluster.this.rbac_crn}/kafka=${confluent_kafka_cluster.this.id}"
  subjects    = data.confluent_schema_registry_cluster.this.resource_name

  # The tables of flink-sql/card_tx, each a topic of its own and the beginning of its subjects.
  tables = ["${var.prefix}.public.", "src_txp_", "txp_", "customer_deletes"]

  # Every right that is not an access list of Kafka: who, role, on what.
  roles = merge(
    {
      "deployer cluster"    = { account = "deployer", role = "CloudClusterAdmin", on = confluent_kafka_cluster.this.rbac_crn }
      "deployer flink"      = { account = "deployer", role = "FlinkDeveloper", on = local.environment }
      "deployer runs flink" = { account = "deployer", role = "Assigner", on = "${data.confluent_organization.this.resource_name}/service-account=${confluent_service_account.this["flink"].id}" }
      "flink flink"         = { account = "flink", role = "FlinkDeveloper", on = local.environment }
      "flink reads txn"     = { account = "flink", role = "DeveloperRead", on = "${local.topics}/transactional-id=_confluent-flink_*" }
      "flink writes txn"    = { account = "flink", role = "DeveloperWrite", on = "${local.topics}/transactional-id=_confluent-flink_*" }
      "cdc subjects"        = { account = "cdc", role = "DeveloperWrite", on = "${local.subjects}/subject=:.flink-dev:${var.prefix}.public.*" }
    },
    merge([for table in local.tables : merge(
      { for role in ["DeveloperRead", "DeveloperWrite", "DeveloperManage"] : "flink ${role} topic ${table}" => { account = "flink", role = role, on = "${local.topics}/topic=${table}*" } },
      { for role in ["DeveloperRead", "DeveloperWrite"] : "flink ${role} subject ${table}" => { account = "flink", role = role, on = "${local.subjects}/subject=${table}*" } },
      { for role in ["DeveloperRead", "DeveloperWrite"] : "flink ${role} context ${table}" => { account = "flink", role = role, on = "${local.subjects}/subject=:.flink-dev:${table}*" } },
      { for role in ["DeveloperRead", "DeveloperWrite"] : "deployer ${role} subject ${table}" => { account = "deployer", role = role, on = "${local.subjects}/subject=${table}*" } },
      { "sink subject ${table}" = { account = "sink", role = "DeveloperRead", on = "${local.subjects}/subject=${table}*" } },
    )]...),
  )
}

resource "confluent_service_account" "this" {
  for_each = local.accounts

  display_name = "${var.prefix}-${each.key}"
  description  = each.value
}

resource "confluent_role_binding" "this" {
  for_each = local.roles

  principal   = "User:${confluent_service_account.this[each.value.account].id}"
  role_name   = each.value.role
  crn_pattern = each.value.on
}

locals {
  # The deployer's keys, each for one service; they go into Secrets Manager, and steps name them by ARN.
  keys = {
    kafka           = { id = confluent_kafka_cluster.this.id, api_version = confluent_kafka_cluster.this.api_version, kind = confluent_kafka_cluster.this.kind }
    schema-registry = { id = data.confluent_schema_registry_cluster.this.id, api_version = data.confluent_schema_registry_cluster.this.api_version, kind = data.confluent_schema_registry_cluster.this.kind }
    flink           = { id = data.confluent_flink_region.this.id, api_version = data.confluent_flink_region.this.api_version, kind = data.confluent_flink_region.this.kind }
    tableflow       = { id = "tableflow", api_version = "tableflow/v1", kind = "Tableflow" }
  }
}

resource "confluent_api_key" "deployer" {
  for_each = local.keys

  display_name = "${var.prefix}-deployer-${each.key}"
  description  = "Terraform's key for ${each.key}"

  owner {
    id          = confluent_service_account.this["deployer"].id
    api_version = confluent_service_account.this["deployer"].api_version
    kind        = confluent_service_account.this["deployer"].kind
  }

  managed_resource {
    id          = each.value.id
    api_version = each.value.api_version
    kind        = each.value.kind

    # Tableflow's key belongs to no environment.
    dynamic "environment" {
      for_each = each.key == "tableflow" ? [] : [confluent_environment.this.id]

      content {
        id = environment.value
      }
    }
  }

  depends_on = [confluent_role_binding.this]
}

resource "aws_secretsmanager_secret" "keys" {
  for_each = local.keys

  name                    = "${var.prefix}/confluent/${each.key}"
  description             = "Terraform's key of Confluent Cloud for ${each.key}"
  recovery_window_in_days = 0
  tags                    = local.tags
}

resource "aws_secretsmanager_secret_version" "keys" {
  for_each = local.keys

  secret_id                = aws_secretsmanager_secret.keys[each.key].id
  secret_string_wo         = jsonencode({ key = confluent_api_key.deployer[each.key].id, secret = confluent_api_key.deployer[each.key].secret })
  secret_string_wo_version = 1
}
