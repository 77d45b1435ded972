output "rds_address" {
  description = "The host of the database."
  value       = aws_db_instance.database.address
}

output "rds_port" {
  description = "The port of the database."
  value       = aws_db_instance.database.port
}

output "rds_database_name" {
  description = "The database that the connector captures."
  value       = aws_db_instance.database.db_name
}

output "rds_security_group_id" {
  description = "Who may reach the database."
  value       = aws_security_group.database.id
}

output "rds_allowed_cidr_blocks" {
  description = "The addresses that may reach the database."
  value       = sort(local.allowed_sources)
}

output "rds_master_secret_arn" {
  description = "Where RDS keeps the master user's password."
  value       = aws_db_instance.database.master_user_secret[0].secret_arn
}

output "cdc_secret_arn" {
  description = "Where the password of the connector's user is."
  value       = module.cdc_password.arn
}

output "psql_connection_string" {
  description = "How one logs in as the master user; the password is in rds_master_secret_arn."
  value       = "postgresql://${var.db_username}@${aws_db_instance.database.address}:${aws_db_instance.database.port}/${aws_db_instance.database.db_name}?sslmode=require"
}
