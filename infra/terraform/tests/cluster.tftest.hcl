# Confluent Cloud: the demo's names, and nobody may do more than its part.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

mock_provider "confluent" {
  source = "./tests/mocks/confluent"
}

variables {
  owner_email = "team@example.com"
}

run "names" {
  module {
    source = "./steps/cluster"
  }

  assert {
    condition     = confluent_environment.this.display_name == "card-tx-environment" && confluent_kafka_cluster.this.display_name == "card-tx-cluster"
    error_message = "environment or cluster has another name"
  }
  assert {
    condition     = toset([for one in confluent_kafka_topic.captured : one.topic_name]) == toset(["card-tx.public.customers", "card-tx.public.transactions"])
    error_message = "the connector's topics have other names"
  }
  assert {
    condition     = alltrue([for one in confluent_kafka_topic.captured : one.partitions_count == 1])
    error_message = "a captured topic has several partitions: the order of a transaction is lost"
  }
}

run "least_privilege" {
  module {
    source = "./steps/cluster"
  }

  assert {
    condition     = length(setintersection([for one in confluent_role_binding.this : one.role_name], ["OrganizationAdmin", "EnvironmentAdmin", "AccountAdmin", "FlinkAdmin", "ResourceOwner"])) == 0
    error_message = "somebody is an administrator of more than the cluster"
  }
  assert {
    condition     = toset([for one in confluent_role_binding.this : one.principal if one.role_name == "CloudClusterAdmin"]) == toset(["User:${confluent_service_account.this["deployer"].id}"])
    error_message = "somebody else than Terraform administers the cluster"
  }
  assert {
    condition     = alltrue([for one in confluent_kafka_acl.this : one.resource_name != "*" && one.operation != "ALL" && !(one.pattern_type == "PREFIXED" && length(one.resource_name) < 4)])
    error_message = "an access list names everything"
  }
  assert {
    condition     = alltrue([for one in confluent_role_binding.this : !endswith(one.crn_pattern, "topic=*") && !endswith(one.crn_pattern, "subject=*") && !endswith(one.crn_pattern, "transactional-id=*")])
    error_message = "a role is for every topic, subject or transaction"
  }
  assert {
    condition     = toset([for one in confluent_kafka_acl.this : one.operation if one.principal == "User:${confluent_service_account.this["sink"].id}" && one.resource_type == "TOPIC" && !startswith(one.resource_name, "dlq-")]) == toset(["READ"])
    error_message = "the sink may do more with tables than read them"
  }
  assert {
    condition     = length([for one in confluent_kafka_acl.this : one if one.principal == "User:${confluent_service_account.this["cdc"].id}" && one.resource_type == "TOPIC" && one.resource_name != "card-tx.public."]) == 0
    error_message = "the source connector may touch other topics"
  }
}

run "keys_are_secret" {
  module {
    source = "./steps/cluster"
  }

  assert {
    condition     = length(aws_secretsmanager_secret_version.keys) == 4 && alltrue([for one in aws_secretsmanager_secret_version.keys : one.secret_string == null && one.secret_string_wo_version == 1])
    error_message = "a key is not in Secrets Manager"
  }
  assert {
    condition     = alltrue([for one in confluent_api_key.deployer : issensitive(one.secret)])
    error_message = "a key may be shown"
  }
  assert {
    condition     = alltrue([for one in confluent_api_key.deployer : one.owner[0].id == confluent_service_account.this["deployer"].id])
    error_message = "a key belongs to somebody else"
  }
  assert {
    condition     = alltrue([for one in aws_secretsmanager_secret.keys : lookup(one.tags, "project", "") == "card-tx"])
    error_message = "a secret has no tags"
  }
}

run "the_prefix_is_in_every_name" {
  module {
    source = "./steps/cluster"
  }

  variables {
    prefix = "other"
  }

  assert {
    condition = alltrue(concat(
      [for one in confluent_service_account.this : startswith(one.display_name, "other-")],
      [for one in confluent_api_key.deployer : startswith(one.display_name, "other-")],
      [for one in confluent_kafka_topic.captured : startswith(one.topic_name, "other.")],
      [for one in aws_secretsmanager_secret.keys : startswith(one.name, "other/")],
    ))
    error_message = "a name is without the prefix: two deployments would meet"
  }
}

run "a_wrong_availability" {
  command = plan

  module {
    source = "./steps/cluster"
  }

  variables {
    cc_availability = "EVERYWHERE"
  }

  expect_failures = [var.cc_availability]
}
