# The whole pipeline in one apply: the steps below steps/, each wired to those before it.

module "cluster" {
  source = "./steps/cluster"

  prefix          = var.prefix
  owner_email     = var.owner_email
  cloud_region    = var.cloud_region
  cc_availability = var.cc_availability
}

module "database" {
  source = "./steps/database"

  prefix                      = var.prefix
  owner_email                 = var.owner_email
  existing_vpc_id             = var.existing_vpc_id
  existing_subnet_ids         = var.existing_subnet_ids
  db_instance_class           = var.db_instance_class
  db_allocated_storage        = var.db_allocated_storage
  db_username                 = var.db_username
  db_publicly_accessible      = var.db_publicly_accessible
  db_allowed_cidr_blocks      = var.db_allowed_cidr_blocks
  confluent_cloud_cidr_blocks = length(var.confluent_cloud_cidr_blocks) > 0 ? var.confluent_cloud_cidr_blocks : module.cluster.confluent_cloud_cidr_blocks
}

# The connector needs the user and the tables of sql/: see the README for the two halves of the first apply.
module "source" {
  source = "./steps/source"
  count  = var.database_is_prepared ? 1 : 0

  prefix                 = var.prefix
  owner_email            = var.owner_email
  environment_id         = module.cluster.environment_id
  kafka_cluster_id       = module.cluster.kafka_cluster_id
  cdc_service_account_id = module.cluster.cdc_service_account_id
  rds_address            = module.database.rds_address
  rds_port               = module.database.rds_port
  rds_database_name      = module.database.rds_database_name
  cdc_secret_arn         = module.database.cdc_secret_arn

  depends_on = [module.cluster]
}

module "statements" {
  source = "./steps/statements"
  count  = var.database_is_prepared ? 1 : 0

  prefix                     = var.prefix
  owner_email                = var.owner_email
  cloud_region               = var.cloud_region
  flink_max_cfu              = var.flink_max_cfu
  environment_id             = module.cluster.environment_id
  environment_name           = module.cluster.environment_name
  kafka_cluster_id           = module.cluster.kafka_cluster_id
  kafka_cluster_name         = module.cluster.kafka_cluster_name
  schema_registry_id         = module.cluster.schema_registry_id
  schema_registry_endpoint   = module.cluster.schema_registry_endpoint
  schema_registry_secret_arn = module.cluster.schema_registry_secret_arn
  flink_secret_arn           = module.cluster.flink_secret_arn
  flink_service_account_id   = module.cluster.flink_service_account_id

  # The columns of the connector's topics are inferred from the schemas that it registers.
  depends_on = [module.source]
}

module "lake" {
  source = "./steps/lake"
  count  = var.database_is_prepared ? 1 : 0

  prefix                  = var.prefix
  owner_email             = var.owner_email
  enable_tableflow        = var.enable_tableflow
  environment_id          = module.cluster.environment_id
  kafka_cluster_id        = module.cluster.kafka_cluster_id
  sink_service_account_id = module.cluster.sink_service_account_id
  tableflow_secret_arn    = module.cluster.tableflow_secret_arn

  # A table needs the topic and its schema.
  depends_on = [module.statements]
}

module "scoring" {
  source = "./steps/scoring"

  prefix              = var.prefix
  owner_email         = var.owner_email
  existing_vpc_id     = var.existing_vpc_id
  existing_subnet_ids = var.existing_subnet_ids
  ml_inference_image  = var.ml_inference_image
  local_architecture  = var.local_architecture
}

module "redshift" {
  source = "./steps/redshift"
  count  = var.enable_redshift && var.enable_tableflow && var.database_is_prepared ? 1 : 0

  prefix              = var.prefix
  owner_email         = var.owner_email
  existing_vpc_id     = var.existing_vpc_id
  existing_subnet_ids = var.existing_subnet_ids
  bucket_name         = module.lake[0].bucket_name
  glue_database       = module.lake[0].glue_database
}
