# The compute pool, and the statements of flink-sql/card_tx from the very files that the suite runs, in
# the order of its pipeline.yaml.

locals {
  folder   = "${path.module}/../../../../flink-sql/card_tx"
  pipeline = yamldecode(file("${local.folder}/pipeline.yaml"))
  files    = flatten([for pattern in local.pipeline.statements : sort(fileset(local.folder, pattern))])

  # A file's text without comments, and its statements: a statement set is one, whatever it holds.
  texts = { for path in local.files : path => trimspace(join("\n", [
    for line in split("\n", file("${local.folder}/${path}")) : line if !startswith(trimspace(line), "--")
  ])) }
  statements = { for path, text in local.texts : path => startswith(upper(text), "EXECUTE STATEMENT SET") ? [text] : [
    for one in split(";\n", "${text}\n") : trimspace(trimsuffix(trimspace(one), ";")) if trimspace(one) != ""
  ] }

  # With another prefix the connector's topics have another name.
  named = flatten([for path in local.files : [
    for position, sql in local.statements[path] : {
      name     = replace("${var.prefix}-${replace(trimsuffix(basename(path), ".sql"), "/[._]/", "-")}${position == 0 ? "" : "-${position + 1}"}", "/[^a-z0-9-]/", "-")
      path     = path
      position = position
      sql      = replace(sql, "`card-tx.public.", "`${var.prefix}.public.")
      reads    = startswith(upper(sql), "INSERT") || startswith(upper(sql), "EXECUTE")
    }
  ]])
  alters  = [for one in local.named : one if startswith(upper(one.sql), "ALTER")]
  creates = { for one in local.named : one.name => one.sql if startswith(upper(one.sql), "CREATE") }
  inserts = { for one in local.named : one.name => one.sql if one.reads }

  flink_key    = jsondecode(data.aws_secretsmanager_secret_version.flink.secret_string)
  registry_key = jsondecode(data.aws_secretsmanager_secret_version.schema_registry.secret_string)
  properties = {
    "sql.current-catalog"  = var.environment_name
    "sql.current-database" = var.kafka_cluster_name
  }
}

data "aws_secretsmanager_secret_version" "flink" {
  secret_id = var.flink_secret_arn
}

data "aws_secretsmanager_secret_version" "schema_registry" {
  secret_id = var.schema_registry_secret_arn
}

data "confluent_organization" "this" {}

data "confluent_flink_region" "this" {
  cloud  = "AWS"
  region = var.cloud_region
}

resource "confluent_flink_compute_pool" "this" {
  display_name = "${var.prefix}-compute-pool"
  cloud        = "AWS"
  region       = var.cloud_region
  max_cfu      = var.flink_max_cfu

  environment {
    id = var.environment_id
  }

  lifecycle {
    # A file may alter a table three times in a row; a fourth time needs a fourth resource.
    precondition {
      condition     = length(local.named) == length(local.inserts) + length(local.creates) + length([for one in local.alters : one if one.position < 3])
      error_message = "A statement of flink-sql/card_tx is neither ALTER (three a file), CREATE, INSERT nor a statement set, or two have one name."
    }
  }
}
