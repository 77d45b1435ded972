# The bucket, who of Confluent may write into it, the sink connector, and the topics that are Iceberg tables.

locals {
  tags = {
    project     = var.prefix
    owner_email = var.owner_email
    managed_by  = "terraform"
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  bucket  = "${var.prefix}-lake-${local.account}"
  role    = "${var.prefix}-confluent-lake"
  # The role's name is fixed before it exists: the integration has to know it, and the role's trust has to
  # know the integration's external id.
  role_arn = "arn:aws:iam::${local.account}:role/${local.role}"
  database = replace("${var.prefix}_lake", "-", "_")
  tables   = var.enable_tableflow ? toset(["txp_dim_enriched_tx", "txp_fct_hourly_tx_metrics"]) : toset([])

  tableflow_key = jsondecode(data.aws_secretsmanager_secret_version.tableflow.secret_string)
}

data "aws_secretsmanager_secret_version" "tableflow" {
  secret_id = var.tableflow_secret_arn
}

resource "aws_s3_bucket" "lake" {
  bucket = local.bucket
  tags   = local.tags
}

resource "aws_s3_bucket_public_access_block" "lake" {
  bucket                  = aws_s3_bucket.lake.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.lake.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id

  # Old versions of files, and parts of uploads that were never completed.
  rule {
    id     = "old"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "lake_tls" {
  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.lake.arn, "${aws_s3_bucket.lake.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "lake" {
  bucket = aws_s3_bucket.lake.id
  policy = data.aws_iam_policy_document.lake_tls.json
}

resource "confluent_provider_integration" "lake" {
  display_name = "${var.prefix}-lake"

  environment {
    id = var.environment_id
  }

  aws {
    customer_role_arn = local.role_arn
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "ConfluentWithItsExternalId"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [confluent_provider_integration.lake.aws[0].iam_role_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [confluent_provider_integration.lake.aws[0].external_id]
    }
  }

  statement {
    sid     = "ConfluentTagsItsSessions"
    actions = ["sts:TagSession"]

    principals {
      type        = "AWS"
      identifiers = [confluent_provider_integration.lake.aws[0].iam_role_arn]
    }
  }
}

data "aws_iam_policy_document" "write" {
  statement {
    sid       = "Bucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [aws_s3_bucket.lake.arn]
  }

  statement {
    sid       = "Objects"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${aws_s3_bucket.lake.arn}/*"]
  }

  dynamic "statement" {
    for_each = var.enable_tableflow ? [1] : []

    content {
      sid = "Catalogue"
      actions = [
        "glue:GetDatabase", "glue:CreateDatabase", "glue:UpdateDatabase",
        "glue:GetTable", "glue:GetTables", "glue:CreateTable", "glue:UpdateTable", "glue:DeleteTable",
      ]
      resources = [
        "arn:aws:glue:${data.aws_region.current.region}:${local.account}:catalog",
        "arn:aws:glue:${data.aws_region.current.region}:${local.account}:database/${local.database}",
        "arn:aws:glue:${data.aws_region.current.region}:${local.account}:table/${local.database}/*",
      ]
    }
  }
}

resource "aws_iam_role" "confluent" {
  name               = local.role
  description        = "What Confluent does in the bucket"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "confluent" {
  name   = "lake"
  role   = aws_iam_role.confluent.id
  policy = data.aws_iam_policy_document.write.json
}
