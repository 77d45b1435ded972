output "psql_connection_string" {
  description = "How one logs in to the database as the master user."
  value       = module.database.psql_connection_string
}

output "rds_allowed_cidr_blocks" {
  description = "The addresses that may reach the database."
  value       = module.database.rds_allowed_cidr_blocks
}

output "rds_master_secret_arn" {
  description = "Where RDS keeps the master user's password."
  value       = module.database.rds_master_secret_arn
}

output "cdc_secret_arn" {
  description = "Where the password of the connector's user is."
  value       = module.database.cdc_secret_arn
}

output "confluent_environment_id" {
  description = "The environment."
  value       = module.cluster.environment_id
}

output "kafka_cluster_id" {
  description = "The cluster."
  value       = module.cluster.kafka_cluster_id
}

output "kafka_bootstrap_endpoint" {
  description = "Where clients of Kafka connect."
  value       = module.cluster.kafka_bootstrap_endpoint
}

output "schema_registry_endpoint" {
  description = "The registry's REST API."
  value       = module.cluster.schema_registry_endpoint
}

output "flink_compute_pool_id" {
  description = "The compute pool, once there is one."
  value       = one(module.statements[*].flink_compute_pool_id)
}

output "s3_bucket_name" {
  description = "The bucket, once there is one."
  value       = one(module.lake[*].bucket_name)
}

output "ecr_repository_url" {
  description = "Where the image of the scoring service is pushed to."
  value       = module.scoring.ecr_repository_url
}

output "ecs_cluster_name" {
  description = "The cluster of the scoring service."
  value       = module.scoring.ecs_cluster_name
}

output "redshift_external_schema_sql" {
  description = "What the warehouse's administrator runs once."
  value       = one(module.redshift[*].redshift_external_schema_sql)
}

output "statements" {
  description = "The statements, each with its file and its text."
  value       = try(module.statements[0].statements, [])
}

output "secrets" {
  description = "The environment variables that the stack file names, and the secret and field that each is."
  value = {
    CARD_TX_PG_PASSWORD     = "${module.database.rds_master_secret_arn} password"
    CARD_TX_KAFKA_KEY       = "${module.cluster.kafka_secret_arn} key"
    CARD_TX_KAFKA_SECRET    = "${module.cluster.kafka_secret_arn} secret"
    CARD_TX_REGISTRY_KEY    = "${module.cluster.schema_registry_secret_arn} key"
    CARD_TX_REGISTRY_SECRET = "${module.cluster.schema_registry_secret_arn} secret"
    CARD_TX_FLINK_KEY       = "${module.cluster.flink_secret_arn} key"
    CARD_TX_FLINK_SECRET    = "${module.cluster.flink_secret_arn} secret"
  }
}

output "stack_file" {
  description = "The stack file: terraform output -raw stack_file > card-tx.stack.yaml"
  value = templatefile("${path.module}/stack.yaml.tftpl", {
    user           = var.db_username
    host           = module.database.rds_address
    port           = module.database.rds_port
    bootstrap      = trimprefix(module.cluster.kafka_bootstrap_endpoint, "SASL_SSL://")
    registry       = module.cluster.schema_registry_endpoint
    flink          = module.cluster.flink_rest_endpoint
    organization   = module.cluster.organization_id
    environment    = module.cluster.environment_id
    cluster        = module.cluster.kafka_cluster_id
    pool           = coalesce(one(module.statements[*].flink_compute_pool_id), "none-yet")
    statement_user = module.cluster.flink_service_account_id
  })
}
