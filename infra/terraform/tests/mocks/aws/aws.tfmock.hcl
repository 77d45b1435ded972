mock_data "aws_subnets" {
  defaults = { ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"] }
}
mock_data "aws_vpc" {
  defaults = { id = "vpc-0123456789abcdef0", cidr_block = "10.0.0.0/16" }
}
mock_data "aws_region" {
  defaults = { region = "us-east-2" }
}
mock_data "aws_caller_identity" {
  defaults = { account_id = "000000000000" }
}
mock_data "aws_iam_policy_document" {
  defaults = { json = "{}" }
}
mock_data "aws_secretsmanager_secret_version" {
  defaults = { secret_string = "{\"key\":\"KEY\",\"secret\":\"PLANTED\",\"password\":\"PLANTED\"}" }
}
mock_resource "aws_db_instance" {
  defaults = { address = "db.example.com", port = 5432, db_name = "cardtxdb", master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:us-east-2:000000000000:secret:master", kms_key_id = "k", secret_status = "active" }] }
}
mock_resource "aws_secretsmanager_secret" {
  defaults = { arn = "arn:aws:secretsmanager:us-east-2:000000000000:secret:made" }
}
mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::card-tx-lake-000000000000" }
}
mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::000000000000:role/made" }
}
mock_resource "aws_ecr_repository" {
  defaults = { arn = "arn:aws:ecr:us-east-2:000000000000:repository/made", repository_url = "000000000000.dkr.ecr.us-east-2.amazonaws.com/made" }
}
mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:us-east-2:000000000000:log-group:made" }
}
