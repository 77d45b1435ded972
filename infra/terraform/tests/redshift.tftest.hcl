# The warehouse reads: nothing public, and no right to write.

mock_provider "aws" {
  source = "./tests/mocks/aws"
}

variables {
  owner_email     = "team@example.com"
  existing_vpc_id = "vpc-0123456789abcdef0"
  bucket_name     = "card-tx-lake-000000000000"
  glue_database   = "card_tx_lake"
}

run "it_only_reads" {
  module {
    source = "./steps/redshift"
  }

  assert {
    condition     = !aws_redshiftserverless_workgroup.this.publicly_accessible && aws_vpc_security_group_ingress_rule.query.cidr_ipv4 == "10.0.0.0/16"
    error_message = "the warehouse can be reached from outside of the VPC"
  }
  assert {
    condition     = alltrue(flatten([for one in data.aws_iam_policy_document.read.statement : [for action in one.actions : can(regex(":(Get|List)", action))]]))
    error_message = "the warehouse may write"
  }
  assert {
    condition     = alltrue(flatten([for one in data.aws_iam_policy_document.read.statement : [for resource in one.resources : resource != "*"]]))
    error_message = "the warehouse reads everything"
  }
  assert {
    condition     = aws_redshiftserverless_namespace.this.manage_admin_password && aws_redshiftserverless_namespace.this.admin_user_password == null
    error_message = "the administrator's password is in plain text"
  }
  assert {
    condition     = strcontains(output.redshift_external_schema_sql, "DATABASE 'card_tx_lake'") && strcontains(output.redshift_external_schema_sql, "IAM_ROLE 'arn:aws:iam::")
    error_message = "the external schema is another one"
  }
}
