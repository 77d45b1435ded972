output "redshift_workgroup" {
  description = "The workgroup that queries go to."
  value       = aws_redshiftserverless_workgroup.this.workgroup_name
}

output "redshift_database" {
  description = "The database of the warehouse."
  value       = aws_redshiftserverless_namespace.this.db_name
}

output "redshift_external_schema_sql" {
  description = "What the administrator runs once."
  value       = templatefile("${path.module}/external_schema.sql.tftpl", { database = var.glue_database, role = aws_iam_role.redshift.arn })
}
