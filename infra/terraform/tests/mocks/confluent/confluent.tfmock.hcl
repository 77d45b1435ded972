mock_data "confluent_ip_addresses" {
  defaults = { ip_addresses = [{ ip_prefix = "203.0.113.9/32", cloud = "AWS", region = "us-east-2", address_type = "EGRESS", services = ["CONNECT"], api_version = "networking/v1", kind = "IpAddress" }] }
}
mock_data "confluent_schemas" {
  defaults = { schemas = [{ format = "JSON", schema = "{}", subject_name = "made", schema_identifier = 1, version = 1 }] }
}
mock_data "confluent_schema_registry_cluster" {
  defaults = { id = "lsrc-000000", resource_name = "crn://registry", rest_endpoint = "https://registry.example.com", api_version = "srcm/v3", kind = "Cluster" }
}
mock_resource "confluent_kafka_cluster" {
  defaults = { id = "lkc-000000", rbac_crn = "crn://cluster", bootstrap_endpoint = "SASL_SSL://kafka.example.com:9092", rest_endpoint = "https://kafka.example.com" }
}
mock_resource "confluent_environment" {
  defaults = { id = "env-000000", resource_name = "crn://environment" }
}
mock_resource "confluent_provider_integration" {
  defaults = { id = "cspi-000000" }
}
