# Optional: Redshift Serverless reads the Iceberg tables through Glue's catalogue.

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

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  subnet_ids = length(var.existing_subnet_ids) > 0 ? var.existing_subnet_ids : data.aws_subnets.existing.ids
  glue       = "arn:aws:glue:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}"
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["redshift.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Bucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = ["arn:aws:s3:::${var.bucket_name}"]
  }

  statement {
    sid       = "Objects"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${var.bucket_name}/*"]
  }

  statement {
    sid       = "Catalogue"
    actions   = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions"]
    resources = ["${local.glue}:catalog", "${local.glue}:database/${var.glue_database}", "${local.glue}:table/${var.glue_database}/*"]
  }
}

resource "aws_iam_role" "redshift" {
  name               = "${var.prefix}-redshift"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "redshift" {
  name   = "read"
  role   = aws_iam_role.redshift.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_security_group" "redshift" {
  name        = "${var.prefix}-redshift"
  description = "Redshift: queried from within the VPC"
  vpc_id      = data.aws_vpc.existing.id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "query" {
  security_group_id = aws_security_group.redshift.id
  description       = "Queries, from within the VPC"
  ip_protocol       = "tcp"
  from_port         = 5439
  to_port           = 5439
  cidr_ipv4         = data.aws_vpc.existing.cidr_block
  tags              = local.tags
}

resource "aws_redshiftserverless_namespace" "this" {
  namespace_name        = "${var.prefix}-namespace"
  db_name               = "cardtxdw"
  admin_username        = "dwadmin"
  manage_admin_password = true
  iam_roles             = [aws_iam_role.redshift.arn]
  default_iam_role_arn  = aws_iam_role.redshift.arn
  tags                  = local.tags
}

resource "aws_redshiftserverless_workgroup" "this" {
  workgroup_name       = "${var.prefix}-workgroup"
  namespace_name       = aws_redshiftserverless_namespace.this.namespace_name
  base_capacity        = 8
  subnet_ids           = local.subnet_ids
  security_group_ids   = [aws_security_group.redshift.id]
  publicly_accessible  = false
  enhanced_vpc_routing = true
  tags                 = local.tags
}
