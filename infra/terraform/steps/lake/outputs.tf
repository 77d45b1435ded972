output "bucket_name" {
  description = "The bucket."
  value       = aws_s3_bucket.lake.bucket
}

output "glue_database" {
  description = "The database of the Iceberg tables in Glue's catalogue."
  value       = local.database
}

output "tableflow_topics" {
  description = "The topics that are Iceberg tables."
  value       = sort([for one in confluent_tableflow_topic.table : one.display_name])
}

output "confluent_role_arn" {
  description = "What Confluent assumes to write into the bucket."
  value       = aws_iam_role.confluent.arn
}
