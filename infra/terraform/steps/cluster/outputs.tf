output "environment_id" {
  description = "The environment."
  value       = confluent_environment.this.id
}

output "environment_name" {
  description = "The environment's name: the catalogue of the statements."
  value       = confluent_environment.this.display_name
}

output "kafka_cluster_id" {
  description = "The cluster."
  value       = confluent_kafka_cluster.this.id
}

output "kafka_cluster_name" {
  description = "The cluster's name: the database of the statements."
  value       = confluent_kafka_cluster.this.display_name
}

output "kafka_bootstrap_endpoint" {
  description = "Where clients of Kafka connect."
  value       = confluent_kafka_cluster.this.bootstrap_endpoint
}

output "kafka_rest_endpoint" {
  description = "Kafka's REST API."
  value       = confluent_kafka_cluster.this.rest_endpoint
}

output "schema_registry_id" {
  description = "The schema registry."
  value       = data.confluent_schema_registry_cluster.this.id
}

output "schema_registry_endpoint" {
  description = "The registry's REST API."
  value       = data.confluent_schema_registry_cluster.this.rest_endpoint
}

output "flink_rest_endpoint" {
  description = "The REST API of the region's statements."
  value       = data.confluent_flink_region.this.rest_endpoint
}

output "organization_id" {
  description = "The organization."
  value       = data.confluent_organization.this.id
}

output "confluent_cloud_cidr_blocks" {
  description = "The addresses from which managed connectors come, for the step database."
  value       = sort(distinct(data.confluent_ip_addresses.connect.ip_addresses[*].ip_prefix))
}

output "cdc_service_account_id" {
  description = "Whom the source connector acts as."
  value       = confluent_service_account.this["cdc"].id
}

output "sink_service_account_id" {
  description = "Whom the sink connector acts as."
  value       = confluent_service_account.this["sink"].id
}

output "flink_service_account_id" {
  description = "Whom the statements run as."
  value       = confluent_service_account.this["flink"].id
}

output "kafka_secret_arn" {
  description = "Where the deployer's key of Kafka is."
  value       = aws_secretsmanager_secret.keys["kafka"].arn
}

output "schema_registry_secret_arn" {
  description = "Where the deployer's key of the registry is."
  value       = aws_secretsmanager_secret.keys["schema-registry"].arn
}

output "flink_secret_arn" {
  description = "Where the deployer's key of Flink is."
  value       = aws_secretsmanager_secret.keys["flink"].arn
}

output "tableflow_secret_arn" {
  description = "Where the deployer's key of Tableflow is."
  value       = aws_secretsmanager_secret.keys["tableflow"].arn
}
