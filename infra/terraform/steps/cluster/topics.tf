# The connector's topics and its access lists. One partition each: the order of all changes of a
# transaction holds in it. Tables of statements make their own topics.

locals {
  captured = toset(["customers", "transactions"])

  # Who, operation, kind of resource, name, and whether the name is a beginning.
  access = {
    "cdc describe cluster" = { account = "cdc", operation = "DESCRIBE", type = "CLUSTER", name = "kafka-cluster", pattern = "LITERAL" }
    "cdc describe topics"  = { account = "cdc", operation = "DESCRIBE", type = "TOPIC", name = "${var.prefix}.public.", pattern = "PREFIXED" }
    "cdc write topics"     = { account = "cdc", operation = "WRITE", type = "TOPIC", name = "${var.prefix}.public.", pattern = "PREFIXED" }
    "sink describe"        = { account = "sink", operation = "DESCRIBE", type = "CLUSTER", name = "kafka-cluster", pattern = "LITERAL" }
    "sink reads customers" = { account = "sink", operation = "READ", type = "TOPIC", name = "txp_dim_customers", pattern = "LITERAL" }
    "sink reads deletes"   = { account = "sink", operation = "READ", type = "TOPIC", name = "customer_deletes", pattern = "LITERAL" }
    "sink group"           = { account = "sink", operation = "READ", type = "GROUP", name = "connect-lcc-", pattern = "PREFIXED" }
    "sink makes dlq"       = { account = "sink", operation = "CREATE", type = "TOPIC", name = "dlq-lcc-", pattern = "PREFIXED" }
    "sink writes dlq"      = { account = "sink", operation = "WRITE", type = "TOPIC", name = "dlq-lcc-", pattern = "PREFIXED" }
  }
}

resource "confluent_kafka_topic" "captured" {
  for_each = local.captured

  kafka_cluster {
    id = confluent_kafka_cluster.this.id
  }

  topic_name       = "${var.prefix}.public.${each.value}"
  partitions_count = 1
  rest_endpoint    = confluent_kafka_cluster.this.rest_endpoint

  config = {
    "cleanup.policy" = "delete"
    "retention.ms"   = "-1"
  }

  credentials {
    key    = confluent_api_key.deployer["kafka"].id
    secret = confluent_api_key.deployer["kafka"].secret
  }
}

resource "confluent_kafka_acl" "this" {
  for_each = local.access

  kafka_cluster {
    id = confluent_kafka_cluster.this.id
  }

  resource_type = each.value.type
  resource_name = each.value.name
  pattern_type  = each.value.pattern
  principal     = "User:${confluent_service_account.this[each.value.account].id}"
  host          = "*"
  operation     = each.value.operation
  permission    = "ALLOW"
  rest_endpoint = confluent_kafka_cluster.this.rest_endpoint

  credentials {
    key    = confluent_api_key.deployer["kafka"].id
    secret = confluent_api_key.deployer["kafka"].secret
  }
}
