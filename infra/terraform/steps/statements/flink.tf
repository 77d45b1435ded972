resource "confluent_flink_statement" "first" {
  for_each = { for one in local.alters : one.name => one.sql if one.position == 0 }

  statement_name = each.key
  statement      = each.value
  properties     = local.properties
  rest_endpoint  = data.confluent_flink_region.this.rest_endpoint

  organization {
    id = data.confluent_organization.this.id
  }

  environment {
    id = var.environment_id
  }

  compute_pool {
    id = confluent_flink_compute_pool.this.id
  }

  principal {
    id = var.flink_service_account_id
  }

  credentials {
    key    = local.flink_key.key
    secret = local.flink_key.secret
  }

  lifecycle {
    # A changed statement is another statement: its state is made anew, and somebody should want that.
    precondition {
      condition     = length(each.value) <= 131072
      error_message = "${each.key} is longer than a statement may be."
    }
  }
}

resource "confluent_flink_statement" "second" {
  for_each = { for one in local.alters : one.name => one.sql if one.position == 1 }

  statement_name = each.key
  statement      = each.value
  properties     = local.properties
  rest_endpoint  = data.confluent_flink_region.this.rest_endpoint

  organization {
    id = data.confluent_organization.this.id
  }

  environment {
    id = var.environment_id
  }

  compute_pool {
    id = confluent_flink_compute_pool.this.id
  }

  principal {
    id = var.flink_service_account_id
  }

  credentials {
    key    = local.flink_key.key
    secret = local.flink_key.secret
  }

  depends_on = [confluent_flink_statement.first]

  lifecycle {
    # A changed statement is another statement: its state is made anew, and somebody should want that.
    precondition {
      condition     = length(each.value) <= 131072
      error_message = "${each.key} is longer than a statement may be."
    }
  }
}

resource "confluent_flink_statement" "third" {
  for_each = { for one in local.alters : one.name => one.sql if one.position == 2 }

  statement_name = each.key
  statement      = each.value
  properties     = local.properties
  rest_endpoint  = data.confluent_flink_region.this.rest_endpoint

  organization {
    id = data.confluent_organization.this.id
  }

  environment {
    id = var.environment_id
  }

  compute_pool {
    id = confluent_flink_compute_pool.this.id
  }

  principal {
    id = var.flink_service_account_id
  }

  credentials {
    key    = local.flink_key.key
    secret = local.flink_key.secret
  }

  depends_on = [confluent_flink_statement.second]

  lifecycle {
    # A changed statement is another statement: its state is made anew, and somebody should want that.
    precondition {
      condition     = length(each.value) <= 131072
      error_message = "${each.key} is longer than a statement may be."
    }
  }
}

resource "confluent_flink_statement" "tables" {
  for_each = local.creates

  statement_name = each.key
  statement      = each.value
  properties     = local.properties
  rest_endpoint  = data.confluent_flink_region.this.rest_endpoint

  organization {
    id = data.confluent_organization.this.id
  }

  environment {
    id = var.environment_id
  }

  compute_pool {
    id = confluent_flink_compute_pool.this.id
  }

  principal {
    id = var.flink_service_account_id
  }

  credentials {
    key    = local.flink_key.key
    secret = local.flink_key.secret
  }

  lifecycle {
    # A changed statement is another statement: its state is made anew, and somebody should want that.
    precondition {
      condition     = length(each.value) <= 131072
      error_message = "${each.key} is longer than a statement may be."
    }
  }
}

resource "confluent_flink_statement" "inserts" {
  for_each = local.inserts

  statement_name = each.key
  statement      = each.value
  properties     = local.properties
  rest_endpoint  = data.confluent_flink_region.this.rest_endpoint

  organization {
    id = data.confluent_organization.this.id
  }

  environment {
    id = var.environment_id
  }

  compute_pool {
    id = confluent_flink_compute_pool.this.id
  }

  principal {
    id = var.flink_service_account_id
  }

  credentials {
    key    = local.flink_key.key
    secret = local.flink_key.secret
  }

  depends_on = [confluent_flink_statement.third, confluent_flink_statement.tables]

  lifecycle {
    # A changed statement is another statement: its state is made anew, and somebody should want that.
    precondition {
      condition     = length(each.value) <= 131072
      error_message = "${each.key} is longer than a statement may be."
    }
  }
}
