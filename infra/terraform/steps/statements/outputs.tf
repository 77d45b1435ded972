output "flink_compute_pool_id" {
  description = "The compute pool."
  value       = confluent_flink_compute_pool.this.id
}

output "statements" {
  description = "The statements in the order of pipeline.yaml, each with its file and its text."
  value       = [for one in local.named : { name = one.name, file = one.path, sql = one.sql }]
}

output "tables" {
  description = "The names of the statements that make a table: what reads one waits for them."
  value       = [for one in confluent_flink_statement.tables : one.statement_name]
}
