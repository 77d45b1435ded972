# The source: Postgres on RDS with logical replication, in an existing VPC.

locals {
  tags = {
    project     = var.prefix
    owner_email = var.owner_email
    managed_by  = "terraform"
  }
}

data "aws_vpc" "existing" {
  id = var.existing_vpc_id
}

data "aws_subnets" "existing" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.existing.id]
  }
}

# Confluent names the addresses of its connectors in an answer of its own; the step cluster reads it.
locals {
  subnet_ids      = length(var.existing_subnet_ids) > 0 ? var.existing_subnet_ids : data.aws_subnets.existing.ids
  allowed_sources = toset(concat(var.confluent_cloud_cidr_blocks, var.db_allowed_cidr_blocks))
}

resource "aws_db_subnet_group" "database" {
  name       = "${var.prefix}-db"
  subnet_ids = local.subnet_ids
  tags       = local.tags
}

resource "aws_security_group" "database" {
  name        = "${var.prefix}-db"
  description = "Postgres: only the listed addresses come in, nothing goes out"
  vpc_id      = data.aws_vpc.existing.id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "postgres" {
  for_each = local.allowed_sources

  security_group_id = aws_security_group.database.id
  description       = "Postgres from ${each.value}"
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
  cidr_ipv4         = each.value
  tags              = local.tags
}

resource "aws_db_parameter_group" "logical" {
  name   = "${var.prefix}-logical-17"
  family = "postgres17"
  tags   = local.tags

  # wal_level = logical; takes effect at the first start.
  parameter {
    name         = "rds.logical_replication"
    value        = "1"
    apply_method = "pending-reboot"
  }

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  # A slot whose connector is gone shall not fill the disk.
  parameter {
    name  = "max_slot_wal_keep_size"
    value = tostring(floor(var.db_allocated_storage / 2 * 1024))
  }
}

resource "aws_db_instance" "database" {
  identifier     = "${var.prefix}-db"
  engine         = "postgres"
  engine_version = "17"
  instance_class = var.db_instance_class

  allocated_storage = var.db_allocated_storage
  storage_type      = "gp3"
  storage_encrypted = true

  db_name                     = "cardtxdb"
  username                    = var.db_username
  manage_master_user_password = true

  db_subnet_group_name   = aws_db_subnet_group.database.name
  vpc_security_group_ids = [aws_security_group.database.id]
  parameter_group_name   = aws_db_parameter_group.logical.name
  publicly_accessible    = var.db_publicly_accessible

  backup_retention_period = 1
  copy_tags_to_snapshot   = true
  skip_final_snapshot     = true
  apply_immediately       = true
  tags                    = local.tags
}

# The connector's own user: sql/cdc_user.sql makes it with this password.
module "cdc_password" {
  source = "../../modules/secret"

  name        = "${var.prefix}/cdc-user"
  description = "Password of the Postgres user that the connector logs in as"
  username    = "cdc"
  tags        = local.tags
}

check "somebody_may_come_in" {
  assert {
    condition     = length(local.allowed_sources) > 0
    error_message = "No address may reach the database: set confluent_cloud_cidr_blocks."
  }
}
