# The database: reachable from listed addresses only, encrypted, logical replication, no password in a file.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

variables {
  owner_email                 = "team@example.com"
  existing_vpc_id             = "vpc-0123456789abcdef0"
  confluent_cloud_cidr_blocks = ["203.0.113.9/32"]
  db_allowed_cidr_blocks      = ["203.0.113.7/32"]
}

run "names_and_tags" {
  module {
    source = "./steps/database"
  }

  assert {
    condition     = aws_db_instance.database.identifier == "card-tx-db" && aws_db_instance.database.db_name == "cardtxdb"
    error_message = "the database has another name than the demo's"
  }
  assert {
    condition = alltrue([for one in [aws_db_instance.database, aws_db_subnet_group.database, aws_security_group.database, aws_db_parameter_group.logical] :
    lookup(one.tags, "owner_email", "") == "team@example.com" && lookup(one.tags, "project", "") == "card-tx"])
    error_message = "a resource of the database has no tags"
  }
}

run "logical_replication" {
  module {
    source = "./steps/database"
  }

  assert {
    condition     = one([for one in aws_db_parameter_group.logical.parameter : one.value if one.name == "rds.logical_replication"]) == "1"
    error_message = "logical replication is off"
  }
  assert {
    condition     = aws_db_instance.database.parameter_group_name == aws_db_parameter_group.logical.name
    error_message = "the database has another parameter group"
  }
  assert {
    condition     = one([for one in aws_db_parameter_group.logical.parameter : one.value if one.name == "max_slot_wal_keep_size"]) == "15360"
    error_message = "a forgotten slot may fill the disk"
  }
}

run "only_listed_addresses" {
  module {
    source = "./steps/database"
  }

  assert {
    condition     = toset([for one in aws_vpc_security_group_ingress_rule.postgres : one.cidr_ipv4]) == toset(["203.0.113.9/32", "203.0.113.7/32"])
    error_message = "other addresses than the listed ones may come in"
  }
  assert {
    condition     = alltrue([for one in aws_vpc_security_group_ingress_rule.postgres : one.from_port == 5432 && one.to_port == 5432 && one.ip_protocol == "tcp"])
    error_message = "more than Postgres is open"
  }
  assert {
    condition     = aws_db_instance.database.vpc_security_group_ids == tolist([aws_security_group.database.id])
    error_message = "the database is in another security group"
  }
  assert {
    condition     = one([for one in aws_db_parameter_group.logical.parameter : one.value if one.name == "rds.force_ssl"]) == "1"
    error_message = "connections without TLS are possible"
  }
}

run "nothing_in_plain_text" {
  module {
    source = "./steps/database"
  }

  assert {
    condition     = aws_db_instance.database.storage_encrypted && aws_db_instance.database.manage_master_user_password && aws_db_instance.database.password == null
    error_message = "the disk or the master user's password is in plain text"
  }
}

run "no_wide_block" {
  command = plan

  module {
    source = "./steps/database"
  }

  variables {
    db_allowed_cidr_blocks = ["0.0.0.0/0"]
  }

  expect_failures = [var.db_allowed_cidr_blocks]
}

run "somebody_comes_in" {
  command = plan

  module {
    source = "./steps/database"
  }

  variables {
    db_allowed_cidr_blocks      = []
    confluent_cloud_cidr_blocks = []
  }

  expect_failures = [check.somebody_may_come_in]
}
